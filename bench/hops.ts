import type { Fidelity } from './answer-check.ts';
import type { Lab, PipedChild } from './lab.ts';
import { CallLine, StdioPath, within } from './stdio-path.ts';

/** What stands between a client and a server: its name in an error, and how it is started. */
export interface Hop {
  readonly name: string;
  readonly fidelity?: Fidelity;
  start(lab: Lab, server: readonly string[]): PipedChild;
}

/** No hop at all. */
export const direct: Hop = {
  name: 'the server',
  start: (lab, server) => lab.spawnCommand(server),
};

/** The floor of every stdio row. */
export const copier: Hop = {
  name: 'the copier',
  start: (lab, server) => lab.spawnPiped([lab.script('copier.mjs'), ...server]),
};

/** Our proxy. An empty socket: without receipts. */
export function proxy(socket: string, flags: readonly string[] = []): Hop {
  return {
    name: 'mcp-proxy',
    start: (lab, server) => {
      const common = ['-name', 'files', '-pins', lab.folder, '-socket', socket];
      return lab.spawnPiped([...lab.program('mcp-proxy'), ...common, ...flags, '--', ...server]);
    },
  };
}

/**
 * Any other proxy, by a command line of the shell to which the server's command is appended. `exec`,
 * so that the process whose CPU is counted is the proxy and not the shell.
 */
export function other(command: string): Hop {
  return {
    name: `--against '${command}'`,
    fidelity: 'json',
    start: (lab, server) => lab.spawnShell(`exec ${command} "$@"`, server),
  };
}

const FIRST_ANSWER_MS = 20_000;

/** Starts a path and waits for its first answer, so that no start-up is in any figure. */
export async function openPath(lab: Lab, hop: Hop, server = echoServer(lab)): Promise<StdioPath> {
  const path = new StdioPath(hop.start(lab, server), hop.fidelity);
  const complaint = `no answer within ${FIRST_ANSWER_MS / 1000} s`;
  const first = async () => {
    await path.greet();
    await path.call(new CallLine(16));
  };
  try {
    await within(FIRST_ANSWER_MS, first(), complaint);
  } catch (error) {
    const said = lab.complaintOf(path.child);
    const why = `${(error as Error).message}${said === '' ? '' : `; it said: ${said}`}`;
    throw new Error(`${hop.name} does not pass calls on: ${why}`, { cause: error });
  }
  return path;
}

export function echoServer(lab: Lab): readonly string[] {
  return [process.execPath, lab.script('echo-server.mjs')];
}
