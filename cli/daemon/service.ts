import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import type { Cli } from '../cli.ts';

export const UNIT = 'obsigna-daemon.service';
export const LABEL = 'ai.obsigna.daemon';

export type ServiceAction = 'start' | 'stop' | 'reload' | 'roll' | 'enable' | 'disable' | 'state';

/** A service manager, and the file that tells it of the daemon. */
export interface Service {
  readonly name: 'systemd user unit' | 'systemd system unit' | 'launchd agent';
  readonly file: string;
  /** What is run for an action, in order. */
  readonly commands: Readonly<Record<ServiceAction, readonly (readonly string[])[]>>;
  /** Prints the log; undefined where it is a file. */
  readonly logs: ((lines: number, follow: boolean) => readonly string[]) | undefined;
}

export interface ServiceHost {
  readonly platform: NodeJS.Platform;
  readonly env: Cli['env'];
  readonly home: string;
  readonly uid: number;
}

export function serviceHost(cli: Cli): ServiceHost {
  const { HOME: home = '' } = cli.env;
  return { platform: process.platform, env: cli.env, home, uid: process.getuid?.() ?? 0 };
}

/** The manager of this platform, whether or not the daemon is installed there. */
export function serviceOf(host: ServiceHost, isSystem: boolean, root = ''): Service {
  if (host.platform === 'darwin') {
    if (isSystem) throw new CodedError('USAGE', '-system needs systemd');
    return launchdAgent(host, root);
  }
  if (isSystem) return systemdUnit('systemd system unit', `${root}/etc/systemd/system`, []);
  const { XDG_CONFIG_HOME: xdg = '' } = host.env;
  const config = xdg.startsWith('/') ? xdg : join(host.home, '.config');
  return systemdUnit('systemd user unit', `${root}${config}/systemd/user`, ['--user']);
}

/** The manager that runs the daemon; undefined where it is not installed there. */
export function installedService(host: ServiceHost, isSystem: boolean): Service | undefined {
  const service = serviceOf(host, isSystem);
  if (existsSync(service.file)) return service;
  if (isSystem) throw new CodedError('SERVICE_FAILED', `${service.file} is not installed`);
  return undefined;
}

function systemdUnit(name: Service['name'], folder: string, scope: readonly string[]): Service {
  const systemctl = (...words: string[]) => ['systemctl', ...scope, ...words];
  return {
    name,
    file: join(folder, UNIT),
    commands: {
      start: [systemctl('start', UNIT)],
      stop: [systemctl('stop', UNIT)],
      reload: [systemctl('reload', UNIT)],
      roll: [systemctl('kill', '--signal=SIGUSR2', UNIT)],
      enable: [systemctl('daemon-reload'), systemctl('enable', UNIT)],
      disable: [systemctl('disable', '--now', UNIT)],
      state: [systemctl('is-active', UNIT)],
    },
    logs: (lines, follow) => {
      const words = ['journalctl', ...scope, '-u', UNIT, '-n', String(lines)];
      return follow ? [...words, '-f'] : [...words, '--no-pager'];
    },
  };
}

function launchdAgent({ home, uid }: ServiceHost, root: string): Service {
  const file = `${root}${home}/Library/LaunchAgents/${LABEL}.plist`;
  const domain = `gui/${uid}`;
  const target = `${domain}/${LABEL}`;
  return {
    name: 'launchd agent',
    file,
    commands: {
      start: [['launchctl', 'bootstrap', domain, file]],
      stop: [['launchctl', 'bootout', target]],
      reload: [['launchctl', 'kill', 'HUP', target]],
      roll: [['launchctl', 'kill', 'USR2', target]],
      enable: [['launchctl', 'enable', target]],
      disable: [['launchctl', 'bootout', target]],
      state: [['launchctl', 'print', target]],
    },
    logs: undefined,
  };
}

/** Where a daemon that no journal listens to writes its log. */
export function logFile(cli: Cli, host: ServiceHost): string {
  return host.platform === 'darwin'
    ? join(host.home, 'Library/Logs/obsigna/daemon.log')
    : join(cli.paths.dataDir, 'daemon.log');
}

/** Runs the commands of an action; what they print is shown. @throws CodedError `SERVICE_FAILED` */
export function runService(service: Service, action: ServiceAction): void {
  for (const [program = '', ...args] of service.commands[action]) {
    const { status, signal, error } = spawnSync(program, args, { stdio: ['ignore', 2, 2] });
    if (status === 0) continue;
    const why = error?.message ?? `ended with ${status ?? signal}`;
    throw new CodedError('SERVICE_FAILED', `${[program, ...args].join(' ')}: ${why}`);
  }
}

/** Whether there is a manager to install the daemon with, for this user and in this session. */
export function managerAnswers({ commands, name }: Service): boolean {
  if (name === 'launchd agent') return true;
  const [[program = '', ...scope] = []] = commands.state;
  const words = scope.slice(0, scope.indexOf('is-active'));
  return spawnSync(program, [...words, 'show-environment'], { stdio: 'ignore' }).status === 0;
}

/** The manager's one word for how the service is; undefined when it cannot be asked. */
export function serviceState({ commands, name }: Service): string | undefined {
  const [[program = '', ...args] = []] = commands.state;
  const { status, stdout, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  if (name === 'launchd agent') return status === 0 ? 'loaded' : 'not loaded';
  return stdout.trim() || undefined;
}
