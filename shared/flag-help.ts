import { formatGoDuration } from './duration.ts';
import type { Flag, FlagSpec, FlagType } from './flags.ts';

const WIDTH = 80;
/** Descriptions start at the longest label, but not beyond this column. */
const MAX_LABEL = 26;
const PLACEHOLDERS: Readonly<Record<FlagType, string>> = {
  string: 'TEXT',
  list: 'TEXT,...',
  boolean: '',
  integer: 'N',
  duration: 'DURATION',
};

/**
 * The options of a program for its help, one per entry in the order of the spec: flag and
 * placeholder, then the description with its environment variable and default, wrapped at 80
 * columns. Ends with a newline; empty for an empty spec.
 */
export function renderFlags(spec: FlagSpec): string {
  const rows = Object.entries(spec).map(([name, flag]): [string, string] => {
    return [labelOf(name, flag), describe(flag)];
  });
  return renderRows(rows);
}

/**
 * Two aligned columns, indented by two, the right one wrapped at 80 columns. For every list of a
 * help text.
 */
export function renderRows(rows: readonly (readonly [label: string, text: string])[]): string {
  const fitting = rows.map(([label]) => label.length).filter((length) => length <= MAX_LABEL);
  const indent = 2 + Math.max(0, ...fitting) + 2;
  const lines: string[] = [];
  for (const [label, text] of rows) {
    const wrapped = wrap(text, WIDTH - indent);
    const fits = label.length + 4 <= indent;
    const first = fits ? (wrapped.shift() ?? '') : '';
    lines.push(`  ${label.padEnd(indent - 2)}${first}`.trimEnd());
    lines.push(...wrapped.map((line) => ' '.repeat(indent) + line));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function labelOf(name: string, flag: Flag): string {
  const placeholder = flag.placeholder ?? PLACEHOLDERS[flag.type];
  return placeholder === '' ? `-${name}` : `-${name} ${placeholder}`;
}

function describe(flag: Flag): string {
  const notes: string[] = [];
  if (flag.env !== undefined) notes.push(`env ${flag.env}`);
  if (flag.default !== undefined) notes.push(`default ${showDefault(flag)}`);
  return notes.length === 0 ? flag.describe : `${flag.describe} (${notes.join('; ')})`;
}

function showDefault(flag: Flag): string {
  const isTime = flag.type === 'duration' && typeof flag.default === 'number';
  return isTime ? formatGoDuration(flag.default) : String(flag.default);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
