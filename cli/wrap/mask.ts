import type { ConfigText, TextNode } from '../config-text/node.ts';
import { quoted } from '../config-text/edits.ts';
import { wordsOf, type ServerEntry } from './entries.ts';

const HIDDEN = '***';
const TELLS = /key|token|secret|passw|pwd|auth|bearer|credential|cookie|header|session/i;
/** Long, and of letters and digits: nobody has typed that. */
const RANDOM = /[A-Za-z0-9_-]{20,}/g;

/** Command and arguments without what looks like a secret; the words stay in their places. */
export function maskWords(words: readonly string[]): readonly string[] {
  return words.map((word, i) => {
    const before = words[i - 1] ?? '';
    const isNamed = before.startsWith('-') && !before.includes('=') && TELLS.test(before);
    return isNamed && !word.startsWith('-') ? HIDDEN : maskWord(word);
  });
}

function maskWord(word: string): string {
  const [, flag, flagValue] = /^(--?[\w-]+=)(.*)$/s.exec(word) ?? [];
  if (flag !== undefined && TELLS.test(flag) && flagValue !== '') return `${flag}${HIDDEN}`;
  // A variable (`-e TOKEN=...` of docker) or a header: only its name is for everybody.
  const [, name] = /^([A-Za-z_][\w-]*(?:=|:\s*(?!\/\/)))(?=.)/s.exec(word) ?? [];
  if (name !== undefined && !/^[A-Za-z]:[\\/]/.test(word)) return `${name}${HIDDEN}`;
  return word
    .replace(/(:\/\/)[^/@\s]+@/g, `$1${HIDDEN}@`)
    .replace(/([?&][^=&\s]+=)[^&\s]+/g, `$1${HIDDEN}`)
    .replace(RANDOM, (run) => (looksRandom(run) ? HIDDEN : run));
}

/** Whether an address holds what may be a credential: it, or what it names, would stand on a command line. */
export function looksSecret(url: string): boolean {
  const [path = '', ...query] = url.split(/[?&#]/);
  const fields = query.map((it) => it.split('='));
  const variables = url.match(/\$\{[^}]*\}?|\$\w+|\{\w+:[^}]*\}?/g) ?? [];
  return (
    maskWord(path) !== path ||
    /\/\/[^/]*@/.test(path) ||
    variables.some((it) => TELLS.test(it)) ||
    fields.some(([name = '', value = '']) => TELLS.test(name) || looksRandom(value, 16))
  );
}

function looksRandom(run: string, least = 0): boolean {
  if (run.length < least) return false;
  const digits = run.replaceAll(/\D/g, '').length;
  return digits >= 3 && /[A-Za-z]/.test(run);
}

interface Shown {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * A file for other eyes, line for line: names, brackets, and what `entries` start. Everything else is
 * hidden, comments too: whatever is not known to be harmless may be a secret.
 */
export function maskText({ text, root }: ConfigText, entries: readonly ServerEntry[]): string {
  const shown = new Map<TextNode, string>(entries.flatMap(launchTexts));
  const pieces: Shown[] = [];
  collect(text, root, shown, pieces);
  pieces.sort((a, b) => a.start - b.start);
  let at = 0;
  let masked = '';
  for (const piece of pieces) {
    if (piece.start < at) continue; // a table's name that several members stand for
    masked += bareOf(text.slice(at, piece.start)) + piece.text;
    at = piece.end;
  }
  return masked + bareOf(text.slice(at));
}

function launchTexts({ state }: ServerEntry): readonly (readonly [TextNode, string])[] {
  if (!('launch' in state)) return [];
  const { launch } = state;
  const plain = wordsOf(launch);
  const isOurs = state.kind === 'governed' && state.as.was !== undefined;
  // Names of headers, of variables and of members, as `wrap` writes them.
  const isName = (i: number) =>
    isOurs && /^-(?:header-env|bearer-env|was)$/.test(plain[i - 1] ?? '');
  const words = maskWords(plain).map((word, i) => (isName(i) ? (plain[i] ?? '') : word));
  const list = launch.kind === 'argv' ? launch.words : launch.args;
  const nodes = [...(launch.kind === 'argv' ? [] : [launch.command]), ...(list?.items ?? [])];
  return nodes.map((node, i) => [node, words[i] ?? HIDDEN] as const);
}

function collect(
  text: string,
  node: TextNode,
  shown: ReadonlyMap<TextNode, string>,
  into: Shown[],
): void {
  const { start, end } = node;
  if (node.kind === 'map') {
    for (const { keyStart, keyEnd, value } of node.members) {
      into.push({ start: keyStart, end: keyEnd, text: text.slice(keyStart, keyEnd) });
      collect(text, value, shown, into);
    }
  } else if (node.kind === 'list') {
    for (const item of node.items) collect(text, item, shown, into);
  } else if (end > start) {
    into.push({ start, end, text: scalarText(text.slice(start, end), node, shown.get(node)) });
  }
}

function scalarText(raw: string, node: TextNode, word: string | undefined): string {
  // As it is written, unless something had to be hidden.
  if (word !== undefined) {
    const value = node.kind === 'string' ? node.value : raw;
    return word === value ? raw : quoted(word);
  }
  if (/^(?:true|false|null|~)$/i.test(raw)) return raw;
  return `"${HIDDEN}"${raw.replaceAll(/[^\n]/g, '')}`;
}

/** What stands between values: brackets and space, and of comments only that there is one. */
function bareOf(gap: string): string {
  return gap.replaceAll(/[^\s[\]{}:,=-]+/g, HIDDEN);
}
