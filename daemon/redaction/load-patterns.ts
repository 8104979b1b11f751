import { readFileSync, statSync } from 'node:fs';
import { isSeq, type Node } from 'yaml';
import { CodedError } from '../../shared/errors.ts';
import { isEmpty, quote, readMap, readText, wrongType } from '../../shared/yaml/read-map.ts';
import { YamlSource } from '../../shared/yaml/yaml-source.ts';
import { compilePattern } from '../../shared/pattern/compile-pattern.ts';
import { PatternError } from '../../shared/pattern/pattern-syntax.ts';

const MAX_FILE_BYTES = 256 * 1024;
const MAX_PATTERNS = 100;
const FILE_KEYS = ['patterns'];
const PATTERN_KEYS = ['name', 'pattern'];

/** A custom pattern that passed every check. */
export interface CustomPattern {
  readonly name: string;
  readonly expression: RegExp;
}

/**
 * Reads a patterns file, or says everything that is wrong with it: a pattern that silently hides
 * nothing protects nobody.
 *
 * @throws CodedError `REDACTION_UNREADABLE`; `REDACTION_INVALID` with one line for each problem, as
 *   `FILE:LINE:COLUMN: what is wrong; what to do`
 */
export function loadPatterns(path: string): readonly CustomPattern[] {
  return parsePatterns(readPatternsFile(path), path);
}

/** As `loadPatterns`, for a text that was read already. `file` names it in messages. */
export function parsePatterns(text: string, file: string): readonly CustomPattern[] {
  const source = new YamlSource(text);
  const unreadable = source.root === undefined && source.problems.length > 0;
  const patterns = unreadable ? [] : readPatterns(source);
  const { problems } = source;
  if (problems.length === 0) return patterns;
  const lines = problems.map(
    ({ line, column, message, remedy }) => `${file}:${line}:${column}: ${message}; ${remedy}`,
  );
  throw new CodedError('REDACTION_INVALID', lines.join('\n'));
}

function readPatternsFile(path: string): string {
  try {
    const { size } = statSync(path);
    if (size <= MAX_FILE_BYTES) return readFileSync(path, 'utf8');
    const message = `${path} has ${size} bytes, limit ${MAX_FILE_BYTES}`;
    throw new CodedError('REDACTION_UNREADABLE', message);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('REDACTION_UNREADABLE', `${path} cannot be read (${code})`, { cause });
  }
}

function readPatterns(source: YamlSource): CustomPattern[] {
  const { root } = source;
  if (root === undefined || isEmpty(root)) {
    source.report(0, 'the file is empty', 'write a "patterns" list');
    return [];
  }
  const members = readMap(source, root, 'the file', FILE_KEYS);
  if (members === undefined) return [];
  const list = members.get('patterns');
  if (list === undefined) {
    source.report(root, 'no "patterns" list', 'write "patterns:" and the list below it');
    return [];
  }
  if (!isSeq(list.value)) {
    wrongType(source, list, '"patterns" must be a list', 'begin every pattern with "- name: ..."');
    return [];
  }
  const { items } = list.value;
  if (items.length > MAX_PATTERNS) {
    const message = `${items.length} patterns, limit ${MAX_PATTERNS}`;
    source.report(list.value, message, 'join some of them with "|"');
    return [];
  }
  const lines = new Map<string, number>();
  return items.flatMap((item, index) => readPattern(source, item as Node, index + 1, lines) ?? []);
}

/** @param lines - The line of every name so far; the pattern's own is added. */
function readPattern(
  source: YamlSource,
  item: Node,
  number: number,
  lines: Map<string, number>,
): CustomPattern | undefined {
  const members = readMap(source, item, `pattern ${number}`, PATTERN_KEYS);
  if (members === undefined) return undefined;
  for (const key of PATTERN_KEYS) {
    if (members.has(key)) continue;
    source.report(source.follow(item), `pattern ${number} has no ${key}`, `add "${key}: ..."`);
  }
  const nameMember = members.get('name');
  const name = readText(source, nameMember);
  if (nameMember !== undefined && name !== undefined) {
    const first = lines.get(name);
    if (name.trim() === '') source.report(nameMember.value, 'the name is empty', 'write one');
    if (first !== undefined) {
      const message = `pattern name ${quote(name)} is used already on line ${first}`;
      source.report(nameMember.key, message, 'rename one');
    }
    lines.set(name, first ?? source.lineOf(nameMember.key));
  }
  const patternMember = members.get('pattern');
  const text = readText(source, patternMember);
  if (patternMember === undefined || text === undefined) return undefined;
  try {
    return { name: name ?? '', expression: compilePattern(text) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const message = `pattern ${quote(text)} is refused at character ${error.offset + 1}: ${error.message}`;
    source.report(patternMember.value, message, 'see docs/redaction.md');
    return undefined;
  }
}
