import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { DAEMON_NOTE, systemFlag } from './flags.ts';
import { installedService, logFile, serviceHost } from './service.ts';

const DEFAULT_LINES = 50;

const spec = {
  n: { type: 'integer', placeholder: 'N', describe: 'lines to show', default: DEFAULT_LINES },
  f: { type: 'boolean', describe: 'go on with what is logged from now on' },
  system: systemFlag,
} as const;

/** `obsigna daemon logs` */
export const logsCommand = defineVerb({
  name: 'daemon logs',
  operands: [],
  about: 'Shows the last lines of the log: of the journal, or of the log file.',
  spec,
  notes: DAEMON_NOTE,
  run: logs,
});

function logs({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const lines = flags.n ?? DEFAULT_LINES;
  if (lines < 1) throw new CodedError('USAGE', `-n is ${lines}, expected 1 or more`);
  const host = serviceHost(cli);
  const follow = flags.f === true;
  const command =
    installedService(host, flags.system === true)?.logs?.(lines, follow) ??
    tail(logFile(cli, host), lines, follow);
  const [program = '', ...args] = command;
  const { status, signal, error } = spawnSync(program, args, { stdio: 'inherit' });
  // Interrupted by the reader, who has seen enough.
  if (status === 0 || signal === 'SIGINT' || signal === 'SIGPIPE') return 0;
  throw new CodedError('SERVICE_FAILED', `${program}: ${error?.message ?? `ended with ${status}`}`);
}

function tail(path: string, lines: number, follow: boolean): readonly string[] {
  if (!existsSync(path)) throw new CodedError('SERVICE_FAILED', `no log at ${path}`);
  return ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), path];
}
