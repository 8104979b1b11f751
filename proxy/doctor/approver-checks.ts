import type { RuleSet } from '../../policy/rule.ts';
import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';

/** What is known of the ways to a person. */
export interface Approvers {
  /** As the proxy opens them with these flags, in their order. */
  readonly doors: readonly string[];
  /** The operator has said that nobody will be asked. */
  readonly isMeant: boolean;
  /** `-http ""`: off, but perhaps by mistake. */
  readonly isEmpty: boolean;
}

/** What of a way only shows once it is gone: said beside its name. */
const WAYS: ReadonlyMap<string, string> = new Map([
  ['http', 'the listener of -http'],
  ['elicit', 'the client, where it can ask'],
  ['terminal', 'obsigna approvals, through the daemon'],
]);

/** Who is asked about a paused call. Rules that pause are kept without anybody, too: by refusing. */
export function doorsCheck(
  rules: RuleSet | undefined,
  { doors, isMeant, isEmpty }: Approvers,
): HealthCheck {
  const name = 'approvals';
  const pausing = (rules?.rules ?? []).filter((rule) => rule.enabled && rule.action === 'pause');
  if (doors.length > 0) {
    const ways = doors.map((door) => WAYS.get(door) ?? door).join('; ');
    return ok(name, `a person is asked about paused calls through ${ways}`);
  }
  if (pausing.length === 0) return ok(name, 'no rule pauses a call, and nobody needs to be asked');
  const names = pausing.map((rule) => rule.name).join(', ');
  const reason = `nobody is asked: calls that ${names} would pause are refused`;
  if (isMeant) return ok(name, `${reason}, as the flags say`);
  if (isEmpty) {
    return warn(name, `${reason}, and -http is empty`, 'write -http none if that is meant');
  }
  return note(name, reason, 'write -http none to say that this is meant');
}

export interface Reachability {
  readonly state: 'reachable' | 'unreachable' | 'not_configured';
  readonly detail?: string;
}

const PROBE_MS = 2000;

/** Asks `URL/` whether anybody listens. Every answer counts: a listener of ours has no page there. */
export async function probeApprover(url: string): Promise<Reachability> {
  if (url === '') return { state: 'not_configured' };
  const target = `${url.replace(/\/+$/, '')}/`;
  let detail = '';
  for (const method of ['HEAD', 'GET']) {
    try {
      const signal = AbortSignal.timeout(PROBE_MS);
      const { status } = await fetch(target, { method, signal, redirect: 'manual' });
      detail = `HTTP ${status}`;
      if (method === 'GET' || (status !== 405 && status !== 501))
        return { state: 'reachable', detail };
    } catch (error) {
      detail = faultOf(error as Error);
    }
  }
  return { state: 'unreachable', detail };
}

function faultOf({ message, cause }: Error): string {
  const { code, message: inner } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? inner ?? message;
}

export function approverCheck(url: string, { state, detail }: Reachability): HealthCheck {
  const name = 'approver';
  if (state === 'reachable') return ok(name, `${url} answers (${detail})`);
  const fix = 'start the proxy that listens there, and take the URL from its standard error';
  return fail(name, `nobody answers at ${url} (${detail})`, fix);
}
