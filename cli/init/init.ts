import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { runCommand, type CommandDef } from 'citty';
import { STARTER_RULES } from '../../policy/starter-rules.ts';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { PATH_NOTE } from '../common-flags.ts';
import { startCommand } from '../daemon/control.ts';
import { installCommand } from '../daemon/install.ts';
import { daemonCommand, daemonStatus } from '../daemon/program.ts';
import { managerAnswers, serviceHost, serviceOf } from '../daemon/service.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';

const spec = {
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'rules file to write',
    default: '<data>/agent-receipts/rules.yaml',
  },
  'no-service': {
    type: 'boolean',
    describe: 'start the daemon in the background; install no service',
  },
  'no-daemon': { type: 'boolean', describe: 'start nothing, install nothing' },
} as const;
type Input = VerbInput<typeof spec>;

const notes = `${PATH_NOTE}
Makes a key pair, a rules file with the built-in rules explained, and a service for
the daemon (systemd, launchd); where no service manager answers, the daemon runs in
the background until the machine stops. May be run again: what is there stays as it is.

Exit codes: 0 everything is there; 1 something cannot be made; 2 wrong usage.
`;

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/** `obsigna init` */
export const initCommand = defineVerb({
  name: 'init',
  operands: [],
  about: 'Sets up what this user needs: keys, rules, and a daemon that runs.',
  spec,
  notes,
  run: init,
});

async function init({ flags }: Input, cli: Cli): Promise<ExitCode> {
  if (cli.paths.dataDir === '') throw new CodedError('USAGE', 'no home directory: set HOME');
  const say = (label: string, text: string) =>
    cli.out.write(`${label.padEnd(LABEL_WIDTH)}${printable(text)}\n`);
  makeKeys(cli, say);
  writeRules(resolve(flags.rules ?? `${cli.paths.dataDir}/rules.yaml`), say);
  const code = flags['no-daemon'] === true ? 0 : await startDaemon(flags, cli, say);
  if (code !== 0) return code;
  cli.out.write(`
Next:
  obsigna wrap           put the proxy in front of the MCP servers of your agents
  obsigna status         which servers are governed, and which are not
  obsigna receipt list   what they did
`);
  return 0;
}

const LABEL_WIDTH = 9;
type Say = (label: string, text: string) => void;

/** Only the daemon opens private keys (ADR 0015), so it makes them too. */
function makeKeys(cli: Cli, say: Say): void {
  const { AGENTRECEIPTS_KEY: named = '' } = cli.env;
  const key = named === '' ? cli.paths.key : named;
  if (/^(ssh-agent|pkcs11):/.test(key) || existsSync(key)) {
    say('keys', `${key} stays as it is`);
    return;
  }
  const [program, ...args] = daemonCommand(cli);
  const made = spawnSync(program, [...args, '-init'], { encoding: 'utf8', env: cli.env });
  if (made.status === 0) {
    say('keys', `made ${key} and ${key}.pub`);
    return;
  }
  cli.say.log(printable(made.stderr.trimEnd()));
  throw new CodedError('INIT_FAILED', 'the key pair was not made; the reason stands above');
}

/** A file that somebody has written stays as it is: it may be the policy in force. */
function writeRules(path: string, say: Say): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
    writeFileSync(path, STARTER_RULES, { flag: 'wx', mode: PRIVATE_FILE });
    say('rules', `wrote ${path}`);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST') {
      throw new CodedError('STARTER_NOT_WRITTEN', `cannot write ${path} (${code})`, { cause });
    }
    say('rules', `${path} stays as it is`);
  }
}

async function startDaemon(flags: Input['flags'], cli: Cli, say: Say): Promise<ExitCode> {
  const before = daemonStatus(daemonCommand(cli), []);
  if (before.running && before.socket_answers) {
    say('daemon', `runs already, pid ${before.pid}, at ${before.socket}`);
    return 0;
  }
  const service = serviceOf(serviceHost(cli), false);
  if (flags['no-service'] !== true && managerAnswers(service)) {
    const code = await run(installCommand, cli);
    if (code !== 0) return code;
  } else {
    const why = flags['no-service'] === true ? 'as asked' : `no ${service.name} can be run here`;
    say('service', `none, ${why}: start the daemon yourself after a restart of the machine`);
  }
  const code = await run(startCommand, cli);
  if (code !== 0) return code;
  const after = daemonStatus(daemonCommand(cli), []);
  if (!after.socket_answers) {
    throw new CodedError('INIT_FAILED', `the daemon does not answer at ${after.socket}`);
  }
  say('daemon', `answers at ${after.socket}`);
  return 0;
}

/** Another command of ours, with its own words and its own faults. */
async function run(command: CommandDef, cli: Cli): Promise<ExitCode> {
  return (await runCommand(command, { rawArgs: [], data: cli })).result as ExitCode;
}
