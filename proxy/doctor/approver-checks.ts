import type { RuleSet } from '../../policy/rule.ts';
import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';

/** What is known of the ways to a person. */
export interface Approvers {
  /** As the proxy opens them with these flags, in their order. */
  readonly doors: readonly string[];
  /** `acknowledged` where the operator has said that nobody will be asked. */
  readonly httpFlag: 'unset' | 'acknowledged' | 'empty';
}

/** Who is asked about a paused call. Rules that pause are kept without anybody, too: by refusing. */
export function doorsCheck(
  rules: RuleSet | undefined,
  { doors, httpFlag }: Approvers,
): HealthCheck {
  const name = 'approvals';
  const pausing = (rules?.rules ?? []).filter((rule) => rule.enabled && rule.action === 'pause');
  if (doors.length > 0) return ok(name, `paused calls are asked about through ${doors.join(', ')}`);
  if (pausing.length === 0) return ok(name, 'no rule pauses a call, and nobody needs to be asked');
  const names = pausing.map((rule) => rule.name).join(', ');
  const reason = `nobody is asked: calls that ${names} would pause are refused`;
  if (httpFlag === 'acknowledged') return ok(name, `${reason}, as -http none says`);
  if (httpFlag === 'empty') {
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
