import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import type { ServerProbe, ServerReport } from './server-probe.ts';

/** What the protocol asks of the name of a tool. */
const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
const MAX_SHOWN = 5;

/** What starting the server has shown. */
export function serverChecks(probe: ServerProbe): readonly HealthCheck[] {
  const name = 'server start';
  if (!probe.ok) {
    const said = probe.lastWords === '' ? '' : `; its last words: ${probe.lastWords}`;
    const fix =
      "start it by hand; what it needs of your environment goes into the client's configuration, and into -env here";
    return [fail(name, `the server ${probe.reason}${said}`, fix)];
  }
  const { tools, protocolVersion, elapsedMs } = probe;
  const count = `${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}`;
  const reason = `${probe.name} lists ${count} after ${elapsedMs} ms, MCP ${protocolVersion}`;
  return [ok(name, reason), namesCheck(probe), outputCheck(probe), endingCheck(probe)];
}

/** Rules go by names: two tools of one name cannot be told apart. */
function namesCheck({ tools }: ServerReport): HealthCheck {
  const check = 'tool names';
  const names = tools.map(({ name }) => (typeof name === 'string' ? name : JSON.stringify(name)));
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length > 0) {
    const fix = 'rules cannot tell them apart: report it to whoever makes the server';
    return warn(check, `listed more than once: ${shown(twice)}`, fix);
  }
  const strange = names.filter((name) => !TOOL_NAME.test(name));
  if (strange.length === 0) return ok(check, 'every name is one that all clients accept');
  return note(check, `not every client accepts: ${shown(strange)}`);
}

function outputCheck({ noise }: ServerReport): HealthCheck {
  const check = 'server output';
  if (noise === 0) return ok(check, 'nothing but messages on its standard output');
  const lines = `${noise} ${noise === 1 ? 'line is' : 'lines are'}`;
  return note(check, `${lines} no message; clients skip them, and the proxy passes them on`);
}

function endingCheck({ ending }: ServerReport): HealthCheck {
  const check = 'server end';
  if (ending === 'by itself') return ok(check, 'ends by itself when its input ends');
  return note(check, `goes on when its input ends, and needed ${ending}`);
}

function shown(names: readonly string[]): string {
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
  return names.slice(0, MAX_SHOWN).join(', ') + more;
}
