import type { Cli, ExitCode } from '../cli.ts';
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
import { isWrapped } from './launch.ts';
import { reportOutcomes, requireServers } from './report-outcomes.ts';
import { unwrapEntries } from './rewrite.ts';
import { readSearch, searchFlags } from './search-flags.ts';
import { namesIn } from './wrap.ts';

const spec = {
  ...searchFlags,
  'dry-run': { type: 'boolean', describe: 'show what would change, and change nothing' },
  json: { type: 'boolean', describe: 'print the answer as JSON' },
} as const;

const notes = `What stands behind \`--\` becomes the command again, as it was written. Where nobody else
has changed a wrapped file it has the bytes of before; otherwise only the entries change.

Exit codes: 0 done, or nothing to do; 1 something could not be changed; 2 wrong usage.
`;

/** `obsigna unwrap` */
export const unwrapCommand = defineVerb({
  name: 'unwrap',
  operands: [],
  about: "Takes the proxy out of the clients' configuration files again.",
  spec,
  notes,
  run: unwrap,
});

function unwrap({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const files = findConfigFiles(readSearch(cli, flags));
  requireServers(flags.server, namesIn(files));
  const isDryRun = flags['dry-run'] === true;
  const outcomes = unwrapFiles(cli, files, { servers: flags.server, isDryRun });
  return reportOutcomes(cli, outcomes, {
    todo: 'to unwrap',
    done: 'unwrapped',
    settled: 'bare',
    isDryRun,
    isJson: flags.json === true,
  });
}

export interface UnwrapOptions {
  /** Names of servers; every one without it. */
  readonly servers?: readonly string[] | undefined;
  readonly isDryRun?: boolean;
}

/** Takes the proxy out of these files. */
export function unwrapFiles(
  cli: Surroundings,
  files: readonly ConfigFile[],
  { servers, isDryRun = false }: UnwrapOptions = {},
): readonly FileOutcome[] {
  return changeFiles(cli, files, {
    isDryRun,
    keepsBackup: false,
    plan: (file, entries) => planOf(file, entries, servers),
    rewrite: ({ config }, file, chosen) => unwrapEntries(config, file, chosen),
    announce: ({ places }) => {
      for (const { client } of places) {
        if (client.consent !== undefined) cli.say.log(`note: ${client.name}: ${client.consent}`);
      }
    },
  });
}

function planOf(
  { scope }: ConfigFile,
  entries: readonly ServerEntry[],
  wanted: readonly string[] | undefined,
): Plan {
  const chosen: ServerEntry[] = [];
  const settled: string[] = [];
  const skipped: SkippedServer[] = [];
  for (const entry of entries) {
    const { name, state } = entry;
    if (wanted !== undefined && !wanted.includes(name)) continue;
    if (state.kind !== 'governed') {
      if (wanted !== undefined) settled.push(name);
    } else if (scope === 'managed') {
      skipped.push({ server: name, reason: 'an administrator manages this file' });
    } else if (!isWrapped(state.as)) {
      const reason =
        'its entry was written by hand for a remote server: write the url back by hand';
      skipped.push({ server: name, reason });
    } else chosen.push(entry);
  }
  return { chosen, settled, skipped };
}
