import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { CallMembers } from '../../emitter/frame-body.ts';
import type { ActionReport } from '../../emitter/report.ts';
import type { OnceResult } from '../../emitter/report-once.ts';
import { canonicalizeText } from '../../shared/json/text.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { EventDecision } from '../../shared/wire/event.ts';
import type { Agent } from './agents.ts';
import type { DaemonLine } from './daemon-line.ts';
import type { HookEvent } from './hook-event.ts';
import type { LostReports } from './lost-reports.ts';

/** What the hook has to say of one call. */
export interface Telling {
  readonly event: HookEvent;
  /** `intent`: it is about to run. `outcome`: what became of it. Absent: there is no more to it. */
  readonly phase?: CallMembers['phase'];
  readonly decision: EventDecision;
  readonly context?: JsonObject | undefined;
  readonly error?: string | undefined;
}

export interface TellOptions {
  readonly agent: Agent;
  readonly daemon: DaemonLine;
  readonly timeoutMs: number;
  readonly lost: LostReports;
}

/**
 * Reports one moment of a call. What did not arrive and nobody else will tell of is counted; an intent
 * is told again by its outcome.
 *
 * @returns undefined where nothing is recorded
 * @throws CodedError for a report that no frame can carry
 */
export async function tellDaemon(
  telling: Telling,
  { agent, daemon, timeoutMs, lost }: TellOptions,
): Promise<OnceResult | undefined> {
  const line = daemon.line();
  if (line === undefined) return undefined;
  const claim = lost.claim();
  const { event, phase } = telling;
  let result: OnceResult | undefined;
  try {
    result = await line.report({
      ...agent.identity,
      sessionId: event.sessionId === '' ? randomUUID() : event.sessionId,
      report: await reportOf(telling, agent),
      call: {
        call_id: callIdOf(event, phase),
        held_by: 'host',
        ...(phase !== undefined && { phase }),
      },
      dropCount: claim?.count ?? 0,
      timeoutMs,
    });
    return result;
  } finally {
    const isTold = result?.state === 'durable' || result?.state === 'sent';
    if (isTold) claim?.told();
    else {
      claim?.giveBack();
      if (phase !== 'intent') lost.add(1);
    }
  }
}

async function reportOf(telling: Telling, agent: Agent): Promise<ActionReport> {
  const { event, decision, context, error } = telling;
  const { tool, input, output, toolUseId, agentId, agentType } = event;
  const resource = targetOf(event);
  const model = await modelOf(telling);
  return {
    channel: agent.name,
    tool: { name: tool },
    decision,
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    ...(toolUseId !== undefined && { correlationId: toolUseId }),
    ...(context !== undefined && { decisionContext: context }),
    ...(agentId !== undefined && { agent: { id: agentId, type: agentType } }),
    ...(resource !== undefined && { target: { system: 'filesystem', resource } }),
    ...(model !== undefined && { model }),
  };
}

/** The transcript is large and read for the outcome only, where the agent waits for nothing. */
async function modelOf({ event, phase }: Telling): Promise<ActionReport['model']> {
  const { transcriptPath, toolUseId, model } = event;
  if (phase === 'outcome' && transcriptPath !== undefined && toolUseId !== undefined) {
    const { readTranscript } = await import('./transcript.ts');
    const use = readTranscript(transcriptPath, toolUseId);
    if (use !== undefined) return use;
  }
  return model === undefined ? undefined : { name: model };
}

/** Tools whose arguments may hold a path that is not what they are about. */
const NO_FILE = new Set(['Bash', 'Agent', 'WebFetch', 'WebSearch']);

/** @see Daemon protocol, "obsigna-hook" */
function targetOf({ tool, isMcp, input }: HookEvent): string | undefined {
  if (isMcp || NO_FILE.has(tool) || input === undefined) return undefined;
  try {
    const value = JSON.parse(Buffer.from(input).toString()) as { file_path?: unknown } | null;
    const path = typeof value?.file_path === 'string' ? value.file_path.trim() : '';
    return path === '' ? undefined : path;
  } catch {
    return undefined;
  }
}

const MAX_ID_BYTES = 128;

/**
 * The agent's id. Where it has none, both moments know tool and arguments: the first adds a tail that
 * makes it unique, and the daemon ends the oldest call that begins with what the second says.
 */
function callIdOf({ toolUseId, tool, input }: HookEvent, phase: Telling['phase']): string {
  if (toolUseId !== undefined) {
    if (Buffer.byteLength(toolUseId) <= MAX_ID_BYTES) return toolUseId;
    return `sha256:${hash('sha256', toolUseId, 'hex')}`;
  }
  const text = input === undefined ? '' : canonicalizeText(input);
  const head = `h-${hash('sha256', JSON.stringify([tool, text]), 'hex').slice(0, 32)}`;
  return phase === 'outcome' ? head : `${head}.${randomBytes(6).toString('hex')}`;
}
