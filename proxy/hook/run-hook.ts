import { CodedError, type ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { printable } from '../proxy-log.ts';
import { PASS, type HookAnswer } from './agents.ts';
import type { DaemonLine } from './daemon-line.ts';
import type { HookRuling } from './decide-call.ts';
import type { HookEvent } from './hook-event.ts';
import { HookInput } from './hook-event.ts';
import type { LostReports } from './lost-reports.ts';
import type { HookOptions } from './options.ts';
import { tellDaemon, type Telling } from './tell-daemon.ts';
import { wordsOf, type WayOut } from './way-out.ts';

export interface RunOptions {
  readonly options: HookOptions;
  readonly daemon: DaemonLine;
  readonly lost: LostReports;
  readonly out: WayOut;
  readonly read: () => Promise<Uint8Array>;
}

/** A daemon that is busy for longer has the report in its buffer, and answers nobody. */
const TELL_SHARE = 0.4;
/** For a denial of ours that follows a report without an answer: the agent has waited already. */
const AFTERWARDS_MS = 500;
const NO_END = 'outcome unknown: the agent tells of no end of this call';

/** One run: reads what the agent says, decides or reports it, and returns what the agent is told. */
export async function runHook(run: RunOptions): Promise<HookAnswer> {
  const { options, out } = run;
  const event = await readEvent(run);
  switch (event.moment) {
    case 'other':
      return { exitCode: 0, stderr: 'obsigna-hook: no moment of a tool call: nothing to do\n' };
    case 'before':
      return event.isMcp && options.mcp === 'skip' ? PASS : before(event, run);
    case 'after':
      // It has run: nothing that fails from here on can stop it.
      out.failAs((error) => {
        run.lost.add(1);
        return { exitCode: 0, stderr: `${wordsOf(error)}\n` };
      });
      return event.isMcp && options.mcp === 'skip' ? PASS : after(event, run);
  }
}

/** What cannot be understood is on the record too, under no name. */
async function readEvent(run: RunOptions): Promise<HookEvent> {
  try {
    return run.options.agent.read(new HookInput(await run.read()));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const tool = '(unreadable)';
    await tellUndecided({ moment: 'other', sessionId: '', tool, isMcp: false }, error, run);
    throw error;
  }
}

/** A call that no rule could decide; where the operator lets it go on, nobody knows its end. */
async function tellUndecided(event: HookEvent, error: CodedError, run: RunOptions): Promise<void> {
  const { failsOpen } = run.options;
  const context = { action: failsOpen ? 'pass' : 'block', refused: error.code };
  if (failsOpen && event.moment === 'before') {
    await tell(run, { event, phase: 'intent', decision: 'pending', context });
    return;
  }
  const decision = failsOpen ? 'pending' : 'denied';
  await tell(run, { event, decision, context, error: error.message });
}

async function before(event: HookEvent, run: RunOptions): Promise<HookAnswer> {
  const { agent, mcp } = run.options;
  if (event.isMcp && mcp === 'report') {
    return announce(event, { action: 'pass', left_to: 'proxy' }, run);
  }
  const { decideCall } = await import('./decide-call.ts');
  const ruling = await decideCall(event, run.options).catch(async (error: unknown) => {
    if (error instanceof CodedError) await tellUndecided(event, error, run);
    throw error;
  });
  const { action, rule, risk } = ruling.decision;
  const summary = () =>
    `${printable(event.tool)} (rule: ${printable(rule?.name ?? '')}, risk: ${risk.score})`;
  switch (action) {
    case 'pass':
      return announce(event, ruling.context, run);
    case 'flag': {
      const answer = await announce(event, ruling.context, run);
      return { ...answer, stderr: `obsigna-hook: FLAGGED ${summary()}\n${answer.stderr ?? ''}` };
    }
    case 'block': {
      const reason = `blocked by policy: ${ruling.reason}`;
      await tell(run, { event, decision: 'denied', context: ruling.context, error: reason });
      return agent.deny(reason);
    }
    case 'pause':
      return pause(event, ruling, run);
  }
}

async function pause(event: HookEvent, ruling: HookRuling, run: RunOptions): Promise<HookAnswer> {
  const { options, daemon, out } = run;
  const { socketPath } = daemon;
  const { agent, approve, approvalTimeoutMs, deadlineMs } = options;
  const reason = `paused by policy: ${ruling.reason}`;
  if (approve === 'agent' && agent.ask !== undefined) {
    // What its person answers nobody tells us: a call that ends has been allowed.
    const answer = await announce(event, { ...ruling.context, asked: 'agent' }, run);
    return answer === PASS ? agent.ask(reason) : answer;
  }
  let words = 'nobody is asked';
  let context: JsonObject = ruling.context;
  if (approve === 'terminal' && socketPath !== '') {
    out.deadline(approvalTimeoutMs + deadlineMs);
    const { askTerminal } = await import('./ask-terminal.ts');
    const { sessionId } = event;
    const asked = { socketPath, sessionId, timeoutMs: approvalTimeoutMs };
    const answer = await askTerminal(event, ruling, asked);
    out.deadline(deadlineMs);
    words = answer.words;
    context = { ...context, approval: answer.context };
    if (answer.isApproved) return announce(event, context, run);
  }
  const error = `${reason}: ${words}`;
  await tell(run, { event, decision: 'denied', context, error });
  return agent.deny(error);
}

/** The call may run once the daemon knows of it; without `-require-receipt` also if it does not. */
async function announce(
  event: HookEvent,
  context: JsonObject,
  run: RunOptions,
): Promise<HookAnswer> {
  const { agent, requireReceipt } = run.options;
  if (event.isLastWord === true) {
    const fault = await tell(run, { event, decision: 'pending', context, error: NO_END });
    return fault === undefined || !requireReceipt ? PASS : agent.deny(noReceipt(fault));
  }
  const fault = await tell(run, { event, phase: 'intent', decision: 'pending', context });
  if (fault === undefined) return PASS;
  if (!requireReceipt) return { exitCode: 0, stderr: `${wordsOf(fault)}\n` };
  const error = noReceipt(fault);
  const denial = { event, phase: 'outcome', decision: 'denied', context, error } as const;
  await tell(run, denial, AFTERWARDS_MS);
  return agent.deny(error);
}

function noReceipt(fault: CodedError): string {
  const code: ErrorCode = 'RECEIPT_REQUIRED';
  return `no receipt can be promised for this call: ${fault.message} [${code}: ${fault.code}]`;
}

async function after(event: HookEvent, run: RunOptions): Promise<HookAnswer> {
  const { error } = event;
  const fault = await tell(run, { event, phase: 'outcome', decision: 'allowed', error });
  return fault === undefined ? PASS : { exitCode: 0, stderr: `${wordsOf(fault)}\n` };
}

/** @returns Why it may not be in the record; what it means is the caller's business */
async function tell(
  { options, daemon, lost }: RunOptions,
  telling: Telling,
  timeoutMs = options.deadlineMs * TELL_SHARE,
): Promise<CodedError | undefined> {
  try {
    const { agent } = options;
    const result = await tellDaemon(telling, { agent, daemon, lost, timeoutMs });
    return result === undefined || result.state === 'durable' ? undefined : result.error;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}
