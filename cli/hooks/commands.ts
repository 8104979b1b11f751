import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { findSibling } from '../sibling.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { HOOK_AGENTS, shellCommand, type HookAgent, type HookHost } from './agents.ts';
import { hookHost } from './host.ts';
import { hasBackup, readConfig, removeConfig, replaceConfig } from './config-file.ts';
import { isBare, withHooks, withoutHooks } from './edit-config.ts';

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
  'dry-run': { type: 'boolean', describe: 'print what the files would hold, and write nothing' },
} as const;

const installSpec = {
  ...spec,
  rules: { type: 'string', placeholder: 'FILE', describe: 'rules file of the hook' },
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

const NOTES = `Edits the agent's file and nothing in it but our own entries; what was there lies
beside it as .obsigna-backup. Idempotent. docs/hook.md explains what the hook does.

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
        withHooks(text, agent, shellCommand([...words, ...agentWords(agent, flags)])),
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
  const say = (what: string) => cli.out.write(`${agent.title}: ${what}\n`);
  const before = readConfig(path);
  let after: string;
  try {
    after = edit(before, agent);
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new CodedError(cause.code, `${path}: ${cause.message}`, { cause });
  }
  if (after === before) {
    say(`nothing to change in ${path}`);
    return;
  }
  if (flags['dry-run'] === true) {
    say(`would write ${path}:\n${after}`);
    return;
  }
  if (done === 'removed' && isBare(after, agent) && !hasBackup(path)) {
    removeConfig(path); // ours from the beginning
    say(`removed ${path}`);
    return;
  }
  const backup = replaceConfig(path, before, after);
  say(`${done} in ${path}${backup === undefined ? '' : `; before: ${backup}`}`);
  if (done === 'installed') say(agent.after);
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

/** Absolute, and with our Node: agents have another PATH than this shell. */
function commandOf({ fail, mcp }: InstallFlags, cli: Cli): readonly string[] {
  oneOf('fail', fail, ['closed', 'open']);
  oneOf('mcp', mcp, ['report', 'decide', 'skip']);
  const path = findSibling('obsigna-hook', cli.env['PATH'] ?? '');
  if (path === undefined) {
    throw new CodedError('PROGRAM_MISSING', 'obsigna-hook is neither beside obsigna nor on PATH');
  }
  return [process.execPath, realpathSync(path)];
}

function agentWords(agent: HookAgent, flags: InstallFlags): readonly string[] {
  const { rules, fail, mcp } = flags;
  return [
    '-agent',
    agent.name,
    ...(rules === undefined ? [] : ['-rules', resolve(rules)]),
    ...(fail === undefined ? [] : ['-fail', fail]),
    ...(mcp === undefined ? [] : ['-mcp', mcp]),
    ...(flags['require-receipt'] === true ? ['-require-receipt'] : []),
  ];
}

function oneOf(flag: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  throw new CodedError('USAGE', `-${flag} is "${given}", expected ${known.join(', ')}`);
}
