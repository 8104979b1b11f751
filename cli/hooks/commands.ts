import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { PATH_NOTE } from '../common-flags.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { shellQuote } from '../../shared/shell-quote.ts';
import { parseConfig } from '../config-text/parse-config.ts';
import { governedCommand } from '../wrap/proxy-command.ts';
import { readClientFile, type FoundFile } from '../wrap/read-file.ts';
import { hasBackup, keepBackup, replaceClientFile } from '../wrap/replace-file.ts';
import { HOOK_AGENTS, type HookAgent, type HookHost } from './agents.ts';
import { hookHost } from './host.ts';
import { hooksIn, isBare, withHooks, withoutHooks } from './edit-config.ts';

const spec = {
  agent: {
    type: 'list',
    placeholder: 'NAME',
    describe: `${HOOK_AGENTS.map(({ name }) => name).join(', ')}; may be given several times`,
    default: 'all that have a folder',
  },
  scope: {
    type: 'string',
    placeholder: 'SCOPE',
    describe: 'user: for all projects; project: for the one in this folder',
    default: 'user',
  },
  'dry-run': { type: 'boolean', describe: 'say what would change, and write nothing' },
} as const;

const installSpec = {
  ...spec,
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'rules file of the hook',
    default: '<data>/agent-receipts/rules.yaml if it is there, else the built-in rules',
  },
  fail: { type: 'string', placeholder: 'MODE', describe: 'closed or open, as of obsigna-hook' },
  mcp: {
    type: 'string',
    placeholder: 'MODE',
    describe: 'report, decide or skip, as of obsigna-hook',
  },
  'require-receipt': { type: 'boolean', describe: 'as of obsigna-hook' },
} as const;

type Flags = VerbInput<typeof spec>['flags'];
type InstallFlags = VerbInput<typeof installSpec>['flags'];

const NOTES = `${PATH_NOTE}
Edits the agent's file and nothing in it but our own entries; what was there is kept in
<data>/agent-receipts/backups. Idempotent. docs/hook.md explains what the hook does.

Exit codes: 0 done; 2 wrong usage, or a file that cannot be read or written.
`;

/** `obsigna hooks install` */
export const installHooksCommand = defineVerb({
  name: 'hooks install',
  operands: [],
  about: 'Makes agents start obsigna-hook before and after their tool calls.',
  spec: installSpec,
  notes: NOTES,
  run: ({ flags }, cli) => {
    const words = commandOf(flags, cli);
    return editAll(flags, cli, {
      edit: (text, agent) =>
        withHooks(text, agent, shellQuote([...words(agent), ...agentWords(flags)])),
      done: 'installed',
    });
  },
});

/** `obsigna hooks uninstall` */
export const uninstallHooksCommand = defineVerb({
  name: 'hooks uninstall',
  operands: [],
  about: 'Takes obsigna-hook out of the configuration of agents.',
  spec,
  notes: NOTES,
  run: ({ flags }, cli) => editAll(flags, cli, { edit: withoutHooks, done: 'removed' }),
});

interface Work {
  readonly edit: (text: string, agent: HookAgent) => string;
  readonly done: string;
}

function editAll(flags: Flags, cli: Cli, work: Work): ExitCode {
  const host = hookHost(cli);
  const agents = chosen(flags, host);
  if (agents.length === 0) {
    cli.out.write('no agent has a folder here; name one with -agent\n');
    return 0;
  }
  for (const agent of agents) editOne(agent, flags, cli, work);
  return 0;
}

function editOne(agent: HookAgent, flags: Flags, cli: Cli, { edit, done }: Work): void {
  const path = agent.file(scopeOf(flags), hookHost(cli));
  const say = (what: string) => cli.out.write(`${agent.title}: ${printable(what)}\n`);
  const found = readClientFile(path);
  const before = found?.text ?? '';
  const after = edited(path, before, () => edit(before, agent));
  if (after === before) {
    say(`nothing to change in ${path}`);
    return;
  }
  if (flags['dry-run'] === true) {
    const [command] = hooksIn(after);
    const events = agent.places.map(({ event }) => event).join(', ');
    const what = command === undefined ? 'no longer start it' : `start ${command}`;
    say(`in ${path} ${events} would ${what}`);
    return;
  }
  const { dataDir } = cli.paths;
  if (found === undefined) {
    writeNew(path, after);
    say(`${done} in ${path}`);
  } else if (done === 'removed' && isBare(after, agent) && !hasBackup(dataDir, found.target)) {
    rmSync(path); // ours from the beginning
    say(`removed ${path}`);
    return;
  } else {
    say(`${done} in ${path}; before: ${replaced(found, after, dataDir)}`);
  }
  if (done === 'installed') say(agent.after);
}

/** @throws CodedError `CLIENT_FILE_INVALID` that names the file */
function edited(path: string, before: string, edit: () => string): string {
  if (before.trim() !== '') parseConfig('json', before, path);
  try {
    return edit();
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new CodedError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

/** @returns Where the bytes from before are kept */
function replaced(found: FoundFile, after: string, dataDir: string): string {
  const backup = keepBackup(dataDir, found);
  replaceClientFile(found, Buffer.from(found.mark + after));
  return backup;
}

function writeNew(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('CLIENT_FILE_UNWRITABLE', `cannot write ${path} (${code})`, { cause });
  }
}

function scopeOf({ scope = 'user' }: Flags): 'user' | 'project' {
  if (scope === 'user' || scope === 'project') return scope;
  throw new CodedError('USAGE', `-scope is "${scope}", expected user or project`);
}

/** @throws CodedError `USAGE` */
function chosen(flags: Flags, host: HookHost): readonly HookAgent[] {
  const { agent: names } = flags;
  const scope = scopeOf(flags);
  if (names === undefined)
    return HOOK_AGENTS.filter((agent) => existsSync(dirname(agent.file(scope, host))));
  return names.map((name) => {
    const agent = HOOK_AGENTS.find((it) => it.name === name);
    if (agent !== undefined) return agent;
    const known = HOOK_AGENTS.map((it) => it.name).join(', ');
    throw new CodedError('USAGE', `-agent is "${name}", expected ${known}; docs/hook.md has more`);
  });
}

/** Run as `wrap` has the proxy run; agents have another PATH than this shell. */
function commandOf({ fail, mcp, rules }: InstallFlags, cli: Cli) {
  oneOf('fail', fail, ['closed', 'open']);
  oneOf('mcp', mcp, ['report', 'decide', 'skip']);
  const { program, script, rules: file, socket } = governedCommand('obsigna-hook', cli, rules);
  return (agent: HookAgent): readonly string[] => [
    program,
    ...(script === undefined ? [] : [script]),
    '-agent',
    agent.name,
    ...(file === undefined ? [] : ['-rules', file]),
    ...(socket === undefined ? [] : ['-socket', socket]),
  ];
}

function agentWords({ fail, mcp, ...flags }: InstallFlags): readonly string[] {
  return [
    ...(fail === undefined ? [] : ['-fail', fail]),
    ...(mcp === undefined ? [] : ['-mcp', mcp]),
    ...(flags['require-receipt'] === true ? ['-require-receipt'] : []),
  ];
}

function oneOf(flag: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  throw new CodedError('USAGE', `-${flag} is "${given}", expected ${known.join(', ')}`);
}
