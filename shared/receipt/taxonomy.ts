import type { RiskLevel } from './receipt.ts';

/**
 * Every action type of the published taxonomy with its default risk, and the types that daemons
 * define for themselves. A level may be raised by context; nothing may lower it.
 *
 * @see Receipt specification, "Action taxonomy"; reference daemon, risk table
 */
const RISK_BY_TYPE: Readonly<Record<string, RiskLevel>> = {
  'filesystem.file.create': 'low',
  'filesystem.file.read': 'low',
  'filesystem.file.modify': 'medium',
  'filesystem.file.delete': 'high',
  'filesystem.file.move': 'medium',
  'filesystem.directory.create': 'low',
  'filesystem.directory.list': 'low',
  'filesystem.directory.delete': 'high',
  'system.application.launch': 'low',
  'system.application.control': 'medium',
  'system.settings.modify': 'high',
  'system.command.execute': 'high',
  'system.code.execute': 'high',
  'system.pty.open': 'critical',
  'system.pty.close': 'high',
  'system.browser.navigate': 'low',
  'system.browser.form_submit': 'medium',
  'system.browser.authenticate': 'high',
  'data.api.read': 'low',
  'data.api.write': 'medium',
  'data.api.delete': 'high',
  'data.database.query': 'low',
  'data.database.modify': 'high',
  'communication.email.send': 'high',
  'communication.email.draft': 'medium',
  'communication.email.read': 'low',
  'communication.email.delete': 'high',
  'communication.message.send': 'high',
  'communication.calendar.create': 'medium',
  'communication.calendar.modify': 'medium',
  'communication.calendar.delete': 'high',
  'document.file.create': 'low',
  'document.file.modify': 'medium',
  'document.file.delete': 'high',
  'document.file.share': 'high',
  'document.spreadsheet.modify_cell': 'medium',
  'document.spreadsheet.modify_formula': 'high',
  'document.spreadsheet.modify_structure': 'medium',
  'document.presentation.modify_slide': 'medium',
  'financial.payment.initiate': 'critical',
  'financial.payment.authorize': 'critical',
  'financial.subscription.create': 'critical',
  'financial.subscription.cancel': 'high',
  'financial.booking.create': 'high',
  'financial.booking.cancel': 'high',
  'network.egress.observed': 'medium',
  'doctor.agent-receipts-doctor.roundtrip': 'low',
  'agent_receipts.daemon_started': 'low',
  'agent_receipts.daemon_stopped': 'low',
  unknown: 'medium',
};

/** Types that this implementation writes about itself. */
export const ACTION_EVENTS_DROPPED = 'agent_receipts.events_dropped';
export const ACTION_CHAIN_INTERRUPTED = 'agent_receipts.chain_interrupted';
export const ACTION_CHAIN_COMPLETED = 'agent_receipts.chain_completed';
export const ACTION_CHAIN_ROLLED = 'agent_receipts.chain_rolled';
export const ACTION_DAEMON_STARTED = 'agent_receipts.daemon_started';
export const ACTION_DAEMON_STOPPED = 'agent_receipts.daemon_stopped';

/** The default risk of an action type; `medium` for every type that no table knows. */
export function riskOf(actionType: string): RiskLevel {
  return (Object.hasOwn(RISK_BY_TYPE, actionType) && RISK_BY_TYPE[actionType]) || 'medium';
}

/** All known types, for documentation and for the test against the published file. */
export function knownActionTypes(): readonly (readonly [type: string, risk: RiskLevel])[] {
  return Object.entries(RISK_BY_TYPE);
}
