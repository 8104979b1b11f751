import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { defineCommand } from 'citty';
import type { Cli } from '../cli.ts';
import { reportFailure } from '../failure.ts';
import { daemonCommand } from './program.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const;
const SIGNAL_STATUS = 128;

/**
 * `obsigna daemon run`: the daemon in the foreground. Node cannot replace itself by another program,
 * so this one stays, hands on signals and ends as the daemon ends. Arguments are the daemon's.
 */
export const runDaemonCommand = defineCommand({
  meta: { name: 'daemon run', description: 'Runs the daemon in the foreground.' },
  run: ({ rawArgs, data }) => run(rawArgs, data as Cli),
});

async function run(args: readonly string[], cli: Cli): Promise<number> {
  try {
    const [program, ...first] = daemonCommand(cli);
    const child = spawn(program, [...first, ...args], { stdio: 'inherit' });
    for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(code ?? SIGNAL_STATUS + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } catch (error) {
    return reportFailure(cli, 'obsigna daemon run', error);
  }
}
