import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { PATH_NOTE } from '../common-flags.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import {
  changeFiles,
  type FileOutcome,
  type Plan,
  type SkippedServer,
  type Surroundings,
} from './change-files.ts';
import type { ServerEntry } from './entries.ts';
import { findConfigFiles, type ConfigFile } from './find-files.ts';
import { isWrapped, type ProxyCommand } from './launch.ts';
import { governedCommand } from './proxy-command.ts';
import { reportOutcomes, requireServers } from './report-outcomes.ts';
import { wrapEntries } from './rewrite.ts';
import { readSearch, searchFlags } from './search-flags.ts';
import { troubleOf } from './survey.ts';

const spec = {
  ...searchFlags,
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'rules for these servers',
    default: '<data>/agent-receipts/rules.yaml if it is there, else the built-in rules',
  },
  remote: {
    type: 'boolean',
    describe: 'also remote servers that are left unless somebody asks; docs/wrap.md says which',
  },
  'dry-run': { type: 'boolean', describe: 'show what would change, and change nothing' },
  json: { type: 'boolean', describe: 'print the answer as JSON' },
} as const;

const notes = `${PATH_NOTE}
In the files of the clients the command of each server goes behind that of the proxy;
everything else in them stays as it is. \`obsigna unwrap\` takes it out again, from what
stands in the file alone. Remote servers go behind the proxy too (mcp-proxy -url); those
without a header, where the client may sign in itself, only with -remote or by their name
(-server). So do servers that are switched off, by their name. docs/wrap.md tells the rest.

Exit codes: 0 done, or nothing to do; 1 something could not be changed; 2 wrong usage.
`;

/** `obsigna wrap` */
export const wrapCommand = defineVerb({
  name: 'wrap',
  operands: [],
  about: "Puts the proxy in front of the servers in the clients' configuration files.",
  spec,
  notes,
  run: wrap,
});

function wrap({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const search = readSearch(cli, flags);
  const proxy = governedCommand('mcp-proxy', cli, flags.rules);
  const files = findConfigFiles(search);
  requireServers(flags.server, namesIn(files));
  warnOfPaths(cli, proxy.script ?? proxy.program);
  const isDryRun = flags['dry-run'] === true;
  const outcomes = wrapFiles(cli, files, {
    proxy,
    servers: flags.server,
    isRemoteToo: flags.remote === true,
    isDryRun,
  });
  return reportOutcomes(cli, outcomes, {
    todo: 'to wrap',
    done: 'wrapped',
    settled: 'already',
    isDryRun,
    isJson: flags.json === true,
  });
}

export interface WrapOptions {
  readonly proxy: ProxyCommand;
  /** Names of servers; every one that is not switched off without it. */
  readonly servers?: readonly string[] | undefined;
  /** Also remote ones about which there is a doubt. */
  readonly isRemoteToo?: boolean | undefined;
  readonly isDryRun?: boolean;
}

/** Puts the proxy in front of servers in these files. */
export function wrapFiles(
  cli: Surroundings,
  files: readonly ConfigFile[],
  { proxy, servers, isRemoteToo = false, isDryRun = false }: WrapOptions,
): readonly FileOutcome[] {
  return changeFiles(cli, files, {
    isDryRun,
    keepsBackup: true,
    plan: (file, entries) => {
      const plan = planOf(file, entries, servers, isRemoteToo);
      warnOfDoubts(cli, plan);
      return plan;
    },
    rewrite: ({ config }, file, chosen) => wrapEntries(config, file, chosen, proxy),
    announce: (file) =>
      announce(cli, file, [proxy.program, proxy.script, proxy.rules, proxy.socket]),
  });
}

export function namesIn(files: readonly ConfigFile[]): ReadonlySet<string> {
  return new Set(
    files.flatMap(({ content }) =>
      content instanceof CodedError ? [] : content.entries.map(({ name }) => name),
    ),
  );
}

function planOf(
  { scope }: ConfigFile,
  entries: readonly ServerEntry[],
  wanted: readonly string[] | undefined,
  isRemoteToo: boolean,
): Plan {
  const chosen: ServerEntry[] = [];
  const settled: string[] = [];
  const skipped: SkippedServer[] = [];
  for (const entry of entries) {
    const { name, state } = entry;
    if (wanted !== undefined && !wanted.includes(name)) continue;
    if (state.kind === 'governed') {
      // A proxy that is not where it was: the entry gets the one that is here.
      if (isLost(entry) && scope !== 'managed') chosen.push(entry);
      else settled.push(name);
    } else {
      const isAsked = wanted !== undefined;
      const reason = whyNot(entry, scope, { isAsked, isRemoteToo });
      if (reason === undefined) chosen.push(entry);
      else skipped.push({ server: name, reason });
    }
  }
  return { chosen, settled, skipped };
}

interface Wish {
  readonly isAsked: boolean;
  readonly isRemoteToo: boolean;
}

/** Why an entry without a proxy stays as it is. */
function whyNot(
  { state, isDisabled }: ServerEntry,
  scope: ConfigFile['scope'],
  { isAsked, isRemoteToo }: Wish,
): string | undefined {
  if ('reason' in state && !('remote' in state)) return state.reason;
  if (scope === 'managed') return 'an administrator manages this file';
  if (isDisabled && !isAsked) return 'it is switched off in the file';
  const isDoubtful = state.kind === 'remote' && state.remote?.doubt !== undefined;
  return isDoubtful && !isAsked && !isRemoteToo ? state.reason : undefined;
}

function warnOfDoubts(cli: Surroundings, { chosen }: Plan): void {
  for (const { name, state } of chosen) {
    const doubt = state.kind === 'remote' ? state.remote?.doubt : undefined;
    if (doubt !== undefined) cli.say.warn(`${name}: ${doubt}`);
  }
}

function isLost({ state }: ServerEntry): boolean {
  if (state.kind !== 'governed') return false;
  const { as } = state;
  return isWrapped(as) && troubleOf({ ...as, rules: undefined }) !== undefined;
}

function warnOfPaths(cli: Cli, proxy: string): void {
  if (!/\/_npx\//.test(proxy)) return;
  cli.say.warn(`${proxy} is in a cache of npx and may go away: install obsigna, then wrap again`);
}

/** What a person should know before a client finds another file. */
function announce(
  cli: Surroundings,
  { path, scope, places }: ConfigFile,
  words: readonly (string | undefined)[],
): void {
  for (const { client } of places) {
    if (client.consent !== undefined) cli.say.log(`note: ${client.name}: ${client.consent}`);
  }
  if (scope === 'project') {
    cli.say.warn(`${path} names paths of this machine now: unwrap it before you share it`);
  }
  const isCursor = places.some(({ client }) => client.id === 'cursor');
  const spaced = isCursor ? words.find((word) => word?.includes(' ')) : undefined;
  if (spaced === undefined) return;
  cli.say.warn(`Cursor may take ${JSON.stringify(spaced)} apart at its spaces; docs/wrap.md`);
}
