import { defaultSocketPath, homeFolder } from '../../emitter/default-socket.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { defaultPaths } from '../../shared/paths.ts';
import { VERSION } from '../../shared/version.ts';
import { DaemonLine } from './daemon-line.ts';
import { LostReports } from './lost-reports.ts';
import { readHookOptions } from './options.ts';
import { readInput, standardInput } from './read-input.ts';
import { runHook } from './run-hook.ts';
import { WayOut, wordsOf } from './way-out.ts';

/** Faults that leave no time to report the call; all others have tried, or counted it. */
const UNTOLD: ReadonlySet<ErrorCode> = new Set(['HOOK_TIMED_OUT', 'HOOK_INTERRUPTED', 'INTERNAL']);

async function main(out: WayOut): Promise<never> {
  const options = readHookOptions(process.argv.slice(2), process.env);
  if (options.action === 'help') {
    const { HOOK_HELP } = await import('./help.ts');
    return out.leave({ exitCode: 0, stdout: HOOK_HELP });
  }
  if (options.action === 'version') {
    return out.leave({ exitCode: 0, stdout: `obsigna-hook ${VERSION}\n` });
  }
  const { agent, failsOpen, deadlineMs } = options;
  const lost = new LostReports(lostFolder());
  out.failAs((error) => {
    if (UNTOLD.has(error.code)) lost.add(1);
    const words = wordsOf(error);
    return failsOpen ? { exitCode: 0, stderr: `${words}\n` } : agent.deny(words);
  });
  out.deadline(deadlineMs);
  const daemon = new DaemonLine(options.socket ?? defaultSocketPath());
  daemon.dial();
  const read = () => readInput(standardInput());
  return out.leave(await runHook({ options, daemon, lost, out, read }));
}

/** Beside the pins of the proxy; empty where no place is known. */
function lostFolder(): string {
  const { env, platform } = process;
  const { dataDir } = defaultPaths({ env, platform, home: homeFolder() });
  return dataDir === '' ? '' : `${dataDir}/hook`;
}

const out = new WayOut();
main(out).catch((error: unknown) => out.fail(error));
