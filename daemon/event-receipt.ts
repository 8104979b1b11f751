import { canonicalHashUri } from '../shared/crypto/canonical-hash.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject, JsonValue } from '../shared/json/value.ts';
import { DAEMON_ISSUER_TYPE } from '../shared/chain/unsigned.ts';
import {
  CREDENTIALS_CONTEXT,
  RESPONSE_DISCLOSURE_CONTEXT,
  RESPONSE_DISCLOSURE_VERSION,
  WRITTEN_CONTEXT,
  WRITTEN_VERSION,
  type Action,
  type ChainPosition,
  type CredentialSubject,
  type Delegation,
  type Issuer,
  type Outcome,
  type OutcomeStatus,
  type PeerCredential,
  type ReceiptBody,
} from '../shared/receipt/receipt.ts';
import {
  ACTION_CHAIN_COMPLETED,
  ACTION_CHAIN_INTERRUPTED,
  ACTION_EVENTS_DROPPED,
  riskOf,
} from '../shared/receipt/taxonomy.ts';
import type { EventFrame, PayloadDigest } from '../shared/wire/event.ts';
import { resultSaysError } from '../shared/wire/tool-result.ts';
import type { Disclosure } from './disclosure/discloser.ts';
import type { HostProcess } from './native/process.ts';
import { redact, type Redactor } from './redact.ts';

/** What the daemon itself knows about a receipt it is going to write. */
export interface ReceiptContext {
  readonly receiptId: string;
  readonly actionId: string;
  /** RFC 3339, UTC, whole seconds; one time for the whole receipt. */
  readonly timestamp: string;
  readonly issuerId: string;
  readonly principalId: string;
  readonly peer?: PeerCredential | undefined;
  readonly chain: ChainPosition;
  readonly delegation?: Delegation | undefined;
  /** Takes secrets out of error texts; the built-in one when absent. */
  readonly redact?: Redactor | undefined;
}

/** While it is built. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Where an action without a known caller belongs, in the words of the protocol. */
export const UNKNOWN_PRINCIPAL = 'did:user:unknown';

/** What is known of an action beyond the frame that reports it. */
export interface ActionDetail {
  /**
   * Envelopes that were sealed for it. One for the response makes it a receipt of version 0.6.0,
   * which is the first that has a place for it.
   */
  readonly disclosure?: Disclosure | undefined;
  /** Of arguments that were told before and are not kept. */
  readonly parametersHash?: string | undefined;
  readonly call?: CallNote | undefined;
}

/** How a receipt came to its outcome, where the frame alone does not say. See ADR 0019. */
export interface CallNote {
  /** When the daemon took the intent, in milliseconds since 1970. */
  readonly beganMs?: number;
  /** Nobody told the outcome: the daemon gave up waiting for it. */
  readonly closedBy?: 'daemon';
  /** The receipt that told this call as pending. */
  readonly completes?: string;
  readonly isIntentMissing?: boolean;
  /** Who announced it, where another process told the outcome. */
  readonly beganBy?: PeerCredential | undefined;
  /** The process that holds it, where that is not the reporting one. See ADR 0029. */
  readonly host?: HostProcess | undefined;
  /** The hash of the arguments that were announced, where others ran. */
  readonly announced?: string | undefined;
  /** The receipt in which somebody else told of this same call. */
  readonly sameAs?: string | undefined;
}

/**
 * The receipt of one reported action, in the member order that peers write.
 *
 * @throws CodedError `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP` when a payload has no canonical form: such
 *   a frame gets no receipt
 * @see Daemon protocol, "From frame to receipt"
 */
export function eventReceipt(
  event: EventFrame,
  context: ReceiptContext,
  { disclosure = {}, parametersHash, call }: ActionDetail = {},
): ReceiptBody {
  const type = actionTypeOf(event);
  const inputHash = parametersHash ?? payloadHash(event, 'input');
  const outputHash = payloadHash(event, 'output');
  const { targetSystem: system, targetResource: resource = '' } = event;
  // Member by member: receipts are built by the thousand, and spread objects are slow to build.
  const action: Partial<Writable<Action>> = { id: context.actionId, type };
  action.tool_name = event.toolName;
  action.risk_level = riskOf(type);
  if (system !== undefined) action.target = { system, resource };
  if (inputHash !== undefined) action.parameters_hash = inputHash;
  if (disclosure.parameters !== undefined) action.parameters_disclosure = disclosure.parameters;
  if (context.peer !== undefined) action.peer_credential = context.peer;
  action.timestamp = context.timestamp;
  if (event.idempotencyKey !== undefined) action.idempotency_key = event.idempotencyKey;
  const outcome: Writable<Outcome> = { status: statusOf(event) };
  if (event.error !== undefined) outcome.error = (context.redact ?? redact)(event.error);
  if (outputHash !== undefined) outcome.response_hash = outputHash;
  if (disclosure.response !== undefined) outcome.response_disclosure = disclosure.response;
  const issuer = issuerOf(event, context, call);
  return receiptBody(context, issuer, action as Action, outcome, event.correlationId);
}

/** Says how many actions an emitter saw and could not report; stands before its next receipt. */
export function droppedEventsReceipt(
  dropCount: number,
  sessionId: string | undefined,
  context: ReceiptContext,
): ReceiptBody {
  const issuer = {
    id: context.issuerId,
    type: DAEMON_ISSUER_TYPE,
    ...(sessionId !== undefined && { session_id: sessionId }),
  };
  const action: Action = {
    id: context.actionId,
    type: ACTION_EVENTS_DROPPED,
    tool_name: 'events_dropped',
    risk_level: 'low',
    ...(context.peer !== undefined && { peer_credential: context.peer }),
    emitter_metadata: { drop_count: dropCount },
    timestamp: context.timestamp,
  };
  return receiptBody(context, issuer, action, { status: 'success' });
}

/** How a chain ends: in order, or with something left that it does not tell. */
export type Ending = 'complete' | 'interrupted';

/** The last receipt of a chain. */
export function terminatorReceipt(context: ReceiptContext, status: Ending): ReceiptBody {
  const isComplete = status === 'complete';
  const action: Action = {
    id: context.actionId,
    type: isComplete ? ACTION_CHAIN_COMPLETED : ACTION_CHAIN_INTERRUPTED,
    tool_name: isComplete ? 'chain_completed' : 'chain_interrupted',
    risk_level: 'low',
    timestamp: context.timestamp,
  };
  const issuer = { id: context.issuerId, type: DAEMON_ISSUER_TYPE };
  const chain: ChainPosition = { ...context.chain, terminal: true, status };
  return receiptBody({ ...context, chain }, issuer, action, { status: 'success' });
}

/** A receipt of the daemon around what it says. */
export function receiptBody(
  context: ReceiptContext,
  issuer: Issuer,
  action: Action,
  outcome: Outcome,
  correlationId?: string,
): ReceiptBody {
  const credentialSubject: Writable<CredentialSubject> = {
    principal: { id: context.principalId },
    action,
    outcome,
    chain: context.chain,
  };
  if (correlationId !== undefined) credentialSubject.correlation_id = correlationId;
  if (context.delegation !== undefined) credentialSubject.delegation = context.delegation;
  const isNewer = outcome.response_disclosure !== undefined;
  return {
    '@context': [CREDENTIALS_CONTEXT, isNewer ? RESPONSE_DISCLOSURE_CONTEXT : WRITTEN_CONTEXT],
    id: context.receiptId,
    type: ['VerifiableCredential', 'AgentReceipt'],
    version: isNewer ? RESPONSE_DISCLOSURE_VERSION : WRITTEN_VERSION,
    issuer,
    issuanceDate: context.timestamp,
    credentialSubject,
  };
}

/** What the receipt will say in `action.type`. */
export function actionTypeOf({ actionType, channel, toolServer, toolName }: EventFrame): string {
  if (actionType !== undefined) return actionType;
  return toolServer === undefined
    ? `${channel}.${toolName}`
    : `${channel}.${toolServer}.${toolName}`;
}

/**
 * The hash of a payload's canonical form, as receipts have it.
 *
 * @throws CodedError `JSON_NUMBER_RANGE`, `JSON_TOO_DEEP`
 */
export function payloadHash(event: EventFrame, payload: 'input' | 'output'): string | undefined {
  const text = event[payload];
  if (text === undefined) return event[`${payload}Digest`]?.hash;
  return canonicalHashUri(text, event.strings);
}

function statusOf(event: EventFrame): OutcomeStatus {
  if (event.decision === 'pending') return 'pending';
  if (event.decision === 'denied' || event.error !== undefined) return 'failure';
  // A tool that failed says so in its result; the protocol calls that a failure, not a success.
  if (event.channel !== 'mcp') return 'success';
  const { output, outputDigest } = event;
  const failed =
    output === undefined ? outputDigest?.isError : resultSaysError(output, event.strings?.hop);
  return failed === true ? 'failure' : 'success';
}

function issuerOf(
  event: EventFrame,
  { issuerId }: ReceiptContext,
  call: CallNote | undefined,
): Issuer {
  const runtime = runtimeOf(event, call);
  const { operatorId: id, operatorName: name = '' } = event;
  const issuer: Writable<Issuer> = { id: issuerId, type: DAEMON_ISSUER_TYPE };
  if (event.issuerName !== undefined) issuer.name = event.issuerName;
  if (id !== undefined) issuer.operator = { id, name };
  if (event.issuerModel !== undefined) issuer.model = event.issuerModel;
  issuer.session_id = event.sessionId;
  if (runtime !== undefined) issuer.runtime = runtime;
  return issuer;
}

/** Members in sorted order, as peers write this one object. */
function runtimeOf(event: EventFrame, call: CallNote | undefined): JsonObject | undefined {
  const { agentId, agentType, captureMethod, model } = event;
  const obsigna = extensionsOf(event, call);
  const usage = event.usage === undefined ? undefined : parseJson(decodeUtf8(event.usage));
  // A type alone describes nobody.
  if ((agentId ?? captureMethod ?? model ?? obsigna ?? usage) === undefined) return undefined;
  const runtime: Record<string, JsonValue> = {};
  if (agentId !== undefined) runtime['agent_id'] = agentId;
  if (agentType !== undefined) runtime['agent_type'] = agentType;
  if (captureMethod !== undefined) runtime['capture_method'] = captureMethod;
  if (model !== undefined) runtime['model'] = model;
  if (obsigna !== undefined) runtime['obsigna'] = obsigna;
  if (usage !== undefined) runtime['usage'] = usage;
  return runtime;
}

/** What our own emitters add. Everything of ours stands here and nowhere else in a receipt. */
function extensionsOf(event: EventFrame, call: CallNote | undefined): JsonObject | undefined {
  const obsigna: Record<string, JsonValue> = {};
  if (event.callId !== undefined) obsigna['call'] = callOf(event.callId, call);
  if (event.decisionContext !== undefined) obsigna['decision'] = event.decisionContext;
  if (event.inputDigest !== undefined) obsigna['input'] = seenByEmitter(event.inputDigest);
  if (event.outputDigest !== undefined) obsigna['output'] = seenByEmitter(event.outputDigest);
  if (event.redelivered === true) obsigna['redelivered'] = true;
  return Object.keys(obsigna).length === 0 ? undefined : obsigna;
}

function callOf(id: string, note: CallNote = {}): JsonObject {
  const { announced, beganMs, beganBy, closedBy, completes, host, isIntentMissing, sameAs } = note;
  const call: Record<string, JsonValue> = {};
  if (announced !== undefined) call['announced'] = announced;
  if (beganMs !== undefined) call['began'] = new Date(beganMs).toISOString();
  if (beganBy !== undefined) call['began_by'] = { ...beganBy };
  if (closedBy !== undefined) call['closed_by'] = closedBy;
  if (completes !== undefined) call['completes'] = completes;
  if (host !== undefined) call['host'] = hostMember(host);
  call['id'] = id;
  if (isIntentMissing === true) call['intent'] = 'missing';
  if (sameAs !== undefined) call['same_as'] = sameAs;
  return call;
}

function hostMember({ exePath, pid }: HostProcess): JsonObject {
  return { ...(exePath !== undefined && { exe_path: exePath }), pid };
}

/** The daemon never saw this payload: the receipt must not look as if it had hashed it. */
function seenByEmitter({ bytes }: PayloadDigest): JsonObject {
  return { bytes, hashed_by: 'emitter' };
}
