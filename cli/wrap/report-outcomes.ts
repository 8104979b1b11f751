import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import type { FileOutcome } from './change-files.ts';

export interface Wording {
  /** `to wrap`, `to unwrap` */
  readonly todo: string;
  /** `wrapped`, `unwrapped` */
  readonly done: string;
  readonly settled: string;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** Prints what became of every file, and gives the exit code: 1 where something asked for was not done. */
export function reportOutcomes(
  cli: Cli,
  outcomes: readonly FileOutcome[],
  wording: Wording,
): ExitCode {
  const isGood = outcomes.every(
    ({ error, refused }) => error === undefined && refused.length === 0,
  );
  const code = isGood ? 0 : 1;
  if (wording.isJson) {
    const answer = { ok: isGood, dry_run: wording.isDryRun, files: outcomes.map(jsonOf) };
    cli.out.write(`${JSON.stringify(answer, null, 2)}\n`);
    return code;
  }
  if (outcomes.length === 0) {
    cli.out.write('no configuration of a known client found; docs/clients/ says where they are\n');
  }
  for (const outcome of outcomes) cli.out.write(textOf(outcome, wording));
  const count = outcomes.reduce((sum, it) => sum + it.changed.length, 0);
  const noun = count === 1 ? 'server' : 'servers';
  const files = outcomes.filter(({ changed }) => changed.length > 0).length;
  const where = files === 1 ? '1 file' : `${files} files`;
  const would = wording.isDryRun ? 'would be ' : '';
  cli.out.write(
    count === 0
      ? `nothing ${wording.isDryRun ? 'to be ' : ''}${wording.done}\n`
      : `${count} ${noun} in ${where} ${would}${wording.done}\n`,
  );
  return code;
}

function textOf(outcome: FileOutcome, { todo, done, settled, isDryRun }: Wording): string {
  const { file, error, backup, isAsBefore, diff } = outcome;
  const { path, places, scope } = file;
  const names = [...new Set(places.map(({ client }) => client.name))].join(', ');
  const [{ client }] = places;
  const row = (word: string, server: string, reason = '') =>
    `  ${word.padEnd(9)} ${printable(server)}${reason === '' ? '' : `: ${printable(reason)}`}\n`;
  const lines = [
    ...outcome.changed.map((server) => row(isDryRun ? todo : done, server)),
    ...outcome.settled.map((server) => row(settled, server)),
    ...outcome.skipped.map(({ server, reason }) => row('skipped', server, reason)),
    ...outcome.refused.map(({ server, reason }) => row('refused', server, reason)),
  ];
  if (error !== undefined) {
    lines.push(`  failed    ${printable(error.message)}\n`);
    lines.push(`            fix: ${error.remedy}\n            code: ${error.code}\n`);
  }
  if (lines.length === 0) return '';
  if (backup !== undefined) lines.push(`  backup    ${printable(backup)}\n`);
  if (isAsBefore === true) lines.push('  the file holds the same bytes as before it was wrapped\n');
  if (outcome.changed.length > 0 && !isDryRun && error === undefined) {
    lines.push(`  in force  ${client.reload}\n`);
  }
  const head = `${names} (${scope}): ${printable(path)}\n`;
  return `${head}${lines.join('')}${diff === undefined ? '' : `\n${printableLines(diff)}`}\n`;
}

function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.split('\t').map(printable).join('\t'))
    .join('\n');
}

function jsonOf({ file, error, ...outcome }: FileOutcome): object {
  const { backup, isAsBefore, diff, changed, settled, skipped, refused } = outcome;
  return {
    path: file.path,
    scope: file.scope,
    clients: [...new Set(file.places.map(({ client }) => client.id))],
    changed,
    settled,
    skipped,
    refused,
    ...(backup !== undefined && { backup }),
    ...(isAsBefore !== undefined && { as_before: isAsBefore }),
    ...(diff !== undefined && { diff }),
    ...(error !== undefined && {
      error: { code: error.code, message: error.message, fix: error.remedy },
    }),
  };
}

/** @throws CodedError `SERVER_UNKNOWN` for a name that no file has */
export function requireServers(
  names: readonly string[] | undefined,
  known: ReadonlySet<string>,
): void {
  const missing = names?.find((name) => !known.has(name));
  if (missing === undefined) return;
  throw new CodedError('SERVER_UNKNOWN', `no file has a server ${JSON.stringify(missing)}`);
}
