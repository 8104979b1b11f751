import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { DAEMON_NOTE, daemonFlags, handOn, systemFlag } from './flags.ts';
import { daemonCommand, daemonStatus, type DaemonStatus } from './program.ts';
import { installedService, logFile, runService, serviceHost } from './service.ts';

const spec = { ...daemonFlags, system: systemFlag } as const;
type Input = VerbInput<typeof spec>;

const PATIENCE_MS = 10_000;
const POLL_MS = 50;
const LOG_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

/** `obsigna daemon start` */
export const startCommand = defineVerb({
  name: 'daemon start',
  operands: [],
  about: 'Starts the daemon in the background, and waits until it listens.',
  spec,
  notes: DAEMON_NOTE,
  run: start,
});

/** `obsigna daemon stop` */
export const stopCommand = defineVerb({
  name: 'daemon stop',
  operands: [],
  about: 'Stops the daemon, and waits until its last receipts are written.',
  spec,
  notes: DAEMON_NOTE,
  run: stop,
});

/** `obsigna daemon reload` */
export const reloadCommand = defineVerb({
  name: 'daemon reload',
  operands: [],
  about: 'Makes the daemon read its settings again. Its log says what it applied.',
  spec,
  notes: DAEMON_NOTE,
  run: reload,
});

/** `obsigna daemon roll` */
export const rollCommand = defineVerb({
  name: 'daemon roll',
  operands: [],
  about: 'Makes the daemon end its chains and begin the next root chain. Its log names it.',
  spec,
  notes: DAEMON_NOTE,
  run: roll,
});

async function start({ flags }: Input, cli: Cli): Promise<ExitCode> {
  const host = serviceHost(cli);
  const service = installedService(host, flags.system === true);
  if (service !== undefined) {
    runService(service, 'start');
    cli.out.write(`started (${service.name})\n`);
    return 0;
  }
  const command = daemonCommand(cli);
  const handed = handOn(flags);
  const before = daemonStatus(command, handed);
  if (before.running) {
    cli.out.write(`already running${pidOf(before)}\n`);
    return 0;
  }
  const log = logFile(cli, host);
  const from = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  mkdirSync(dirname(log), { recursive: true, mode: DIRECTORY_MODE });
  const fd = openSync(log, 'a', LOG_MODE);
  const [program, ...first] = command;
  // A session of its own: the end of this terminal is not the end of the daemon.
  const child = spawn(program, [...first, ...handed, `-log-file=${log}`], {
    detached: true,
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  child.unref();
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(POLL_MS)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const text = readFileSync(log);
      // Shorter than before: it was full, and was moved aside at the first word.
      const words = text
        .subarray(text.length < from ? 0 : from)
        .toString()
        .trim()
        .split('\n');
      for (const line of words) cli.say.log(printable(line));
      throw new CodedError('SERVICE_FAILED', 'the daemon did not start; its words stand above');
    }
    const status = daemonStatus(command, handed);
    if (status.pid !== child.pid || !status.socket_answers) continue;
    cli.out.write(`started${pidOf(status)}; log: ${log}\n`);
    return 0;
  }
  throw new CodedError('SERVICE_FAILED', `the daemon (pid ${child.pid}) does not listen yet`);
}

async function stop({ flags }: Input, cli: Cli): Promise<ExitCode> {
  const service = installedService(serviceHost(cli), flags.system === true);
  if (service !== undefined) {
    runService(service, 'stop');
    cli.out.write(`stopped (${service.name})\n`);
    return 0;
  }
  const command = daemonCommand(cli);
  const status = daemonStatus(command, handOn(flags));
  if (!status.running) {
    cli.out.write('not running\n');
    return 0;
  }
  signalDaemon(status, 'SIGTERM');
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(POLL_MS)) {
    // By its pid: a service manager may have started the next one already.
    if (daemonStatus(command, handOn(flags)).pid === status.pid) continue;
    cli.out.write(`stopped${pidOf(status)}\n`);
    return 0;
  }
  throw new CodedError('SERVICE_FAILED', `the daemon${pidOf(status)} is still writing`);
}

function reload({ flags }: Input, cli: Cli): ExitCode {
  const service = installedService(serviceHost(cli), flags.system === true);
  if (service !== undefined) {
    runService(service, 'reload');
    cli.out.write(`reloaded (${service.name})\n`);
    return 0;
  }
  const status = daemonStatus(daemonCommand(cli), handOn(flags));
  if (!status.running) {
    cli.out.write('not running\n');
    return 1;
  }
  signalDaemon(status, 'SIGHUP');
  cli.out.write(`asked${pidOf(status)} to reload; obsigna daemon logs shows what it applied\n`);
  return 0;
}

function roll({ flags }: Input, cli: Cli): ExitCode {
  const service = installedService(serviceHost(cli), flags.system === true);
  if (service !== undefined) {
    runService(service, 'roll');
    cli.out.write(`asked ${service.name} to begin a new chain\n`);
    return 0;
  }
  const status = daemonStatus(daemonCommand(cli), handOn(flags));
  if (!status.running) {
    cli.out.write('not running\n');
    return 1;
  }
  signalDaemon(status, 'SIGUSR2');
  cli.out.write(`asked${pidOf(status)} to begin a new chain; obsigna daemon logs names it\n`);
  return 0;
}

function signalDaemon({ pid }: DaemonStatus, signal: NodeJS.Signals): void {
  try {
    if (pid === null) throw new Error('its pid cannot be seen by this user');
    process.kill(pid, signal);
  } catch (cause) {
    const message = `cannot signal the daemon: ${(cause as Error).message}`;
    throw new CodedError('SERVICE_FAILED', message, { cause });
  }
}

function pidOf({ pid }: DaemonStatus): string {
  return pid === null ? '' : ` (pid ${pid})`;
}
