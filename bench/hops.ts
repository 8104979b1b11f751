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
  const path = startPath(lab, hop, server);
  await firstWithin(path, async () => {
    await path.greet();
    await path.call(new CallLine(16));
  });
  return path;
}

/** Nanoseconds from the start of a path until a client may talk to the server behind it. */
export async function startTime(lab: Lab, hop: Hop): Promise<number> {
  const start = process.hrtime.bigint();
  const path = startPath(lab, hop, echoServer(lab));
  await firstWithin(path, () => path.greet());
  const wallNs = Number(process.hrtime.bigint() - start);
  await path.end();
  return wallNs;
}

function startPath(lab: Lab, hop: Hop, server: readonly string[]): StdioPath {
  const { name, fidelity } = hop;
  const child = hop.start(lab, server);
  return new StdioPath(child, { name, fidelity, lastWords: () => lab.complaintOf(child) });
}

async function firstWithin(path: StdioPath, work: () => Promise<void>): Promise<void> {
  const late = new Error(`no answer within ${FIRST_ANSWER_MS / 1000} s`);
  try {
    await within(FIRST_ANSWER_MS, work(), late);
  } catch (error) {
    throw error === late ? path.fail(late.message) : error;
  }
}

export function echoServer(lab: Lab): readonly string[] {
  return [process.execPath, lab.script('echo-server.mjs')];
}
