import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { systemFlag } from './flags.ts';
import { daemonCommand } from './program.ts';
import { renderPlist, renderUnit } from './render.ts';
import {
  LABEL,
  logFile,
  runService,
  serviceHost,
  serviceOf,
  UNIT,
  type Service,
} from './service.ts';

const spec = {
  system: systemFlag,
  config: {
    type: 'string',
    placeholder: 'PATH',
    describe: 'configuration file that the service names',
  },
  root: {
    type: 'string',
    placeholder: 'DIR',
    describe: 'write below this directory and start nothing, for packagers',
  },
} as const;
type Input = VerbInput<typeof spec>;
const uninstallSpec = { system: systemFlag, root: spec.root } as const;

const SYSUSERS = '/usr/lib/sysusers.d/obsigna-daemon.conf';
/** Settings of this shell that a service does not have. */
const NOT_HANDED_ON = /^(AGENTRECEIPTS_|XDG_DATA_HOME$)/;

const notes = `Idempotent: what is as it should be stays untouched. Nothing is started.
Undo with obsigna daemon uninstall, which keeps keys and receipts.

Exit codes: 0 done; 2 wrong usage, or it could not be done.
`;

/** `obsigna daemon install` */
export const installCommand = defineVerb({
  name: 'daemon install',
  operands: [],
  about: 'Installs the daemon as a service: systemd on Linux, launchd on macOS.',
  spec,
  notes,
  run: install,
});

/** `obsigna daemon uninstall` */
export const uninstallCommand = defineVerb({
  name: 'daemon uninstall',
  operands: [],
  about: 'Stops the service and removes what install wrote. Keys and receipts stay.',
  spec: uninstallSpec,
  notes: 'Exit codes: 0 done, or nothing was installed; 2 it could not be done.\n',
  run: uninstall,
});

function install({ flags }: Input, cli: Cli): ExitCode {
  const host = serviceHost(cli);
  const isSystem = flags.system === true;
  const root = flags.root === undefined ? '' : resolve(flags.root);
  const service = serviceOf(host, isSystem, root);
  const values = {
    command: daemonCommand(cli),
    flags: flags.config === undefined ? [] : [`-config=${resolve(flags.config)}`],
    log: logFile(cli, host),
  };
  const isUnit = service.name !== 'launchd agent';
  const template = packaged(templateOf(service));
  const text = isUnit ? renderUnit(template, values) : renderPlist(template, values);
  const say = (line: string) => cli.out.write(`${line}\n`);
  if (isSystem) {
    put(`${root}${SYSUSERS}`, packaged('systemd/system/obsigna-daemon.sysusers.conf'), say);
    if (root === '') makeUsers(say);
  }
  if (!isUnit) mkdirSync(dirname(values.log), { recursive: true });
  put(service.file, text, say);
  if (root === '') {
    runService(service, 'enable');
    say(`enabled ${isUnit ? UNIT : LABEL}`);
  }
  const scope = isSystem ? ' -system' : '';
  say(`start it with: obsigna daemon start${scope}`);
  say(`undo with: obsigna daemon uninstall${scope}${root === '' ? '' : ` -root ${flags.root}`}`);
  const unseen = Object.keys(cli.env).filter((name) => NOT_HANDED_ON.test(name));
  if (unseen.length > 0) {
    cli.say.warn(`the service does not have ${unseen.join(', ')}: put paths into daemon.toml`);
  }
  return 0;
}

function uninstall({ flags }: VerbInput<typeof uninstallSpec>, cli: Cli): ExitCode {
  const isSystem = flags.system === true;
  const root = flags.root === undefined ? '' : resolve(flags.root);
  const service = serviceOf(serviceHost(cli), isSystem, root);
  const files = [service.file, ...(isSystem ? [`${root}${SYSUSERS}`] : [])];
  const present = files.filter((file) => existsSync(file));
  if (present.length === 0) {
    cli.out.write(`not installed: there is no ${service.file}\n`);
    return 0;
  }
  if (root === '' && existsSync(service.file)) runService(service, 'disable');
  for (const file of present) {
    guarded(file, () => rmSync(file));
    cli.out.write(`removed ${file}\n`);
  }
  cli.out.write('keys and receipts were kept\n');
  return 0;
}

function templateOf({ name }: Service): string {
  if (name === 'launchd agent') return `launchd/${LABEL}.plist`;
  return `systemd/${name === 'systemd user unit' ? 'user' : 'system'}/${UNIT}`;
}

/** A file of the package that this program is installed from. */
function packaged(name: string): string {
  const path = join(dirname(realpathSync(process.argv[1] ?? '')), '..', name);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CodedError('PROGRAM_MISSING', `the package lacks ${path}`, { cause });
  }
}

function put(path: string, text: string, say: (line: string) => void): void {
  guarded(path, () => {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) {
      say(`unchanged ${path}`);
      return;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o644 });
    say(`wrote ${path}`);
  });
}

function guarded(path: string, work: () => void): void {
  try {
    work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('SERVICE_FAILED', `cannot write ${path}: ${code}`, { cause });
  }
}

function makeUsers(say: (line: string) => void): void {
  const { status, error } = spawnSync('systemd-sysusers', [SYSUSERS], { stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    const why = error?.message ?? `ended with ${status}`;
    throw new CodedError('SERVICE_FAILED', `systemd-sysusers ${SYSUSERS}: ${why}`);
  }
  say('user and group agentreceipts exist');
}
