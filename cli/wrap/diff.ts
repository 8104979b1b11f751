import { sortEdits, type Edit } from '../config-text/node.ts';
import { maskText } from './mask.ts';
import { readEntries } from './entries.ts';
import type { Rewrite } from './rewrite.ts';
import type { ClientFile } from '../clients/client.ts';

interface Hunk {
  /** Lines from 0, the last one included. */
  readonly before: readonly [first: number, last: number];
  readonly after: readonly [first: number, last: number];
}

/** What a rewrite changes as a unified diff without context; nothing in it that may be a secret. */
export function diffOf(
  { before, after, edits, changed }: Rewrite,
  file: ClientFile,
  path: string,
): string {
  const names = new Set(changed.map((it) => it.name));
  const now = readEntries(after, file).filter((it) => names.has(it.name));
  const was = maskText(before, changed).split(/\r?\n/);
  const is = maskText(after, now).split(/\r?\n/);
  const hunks = hunksOf(before.text, after.text, edits).map((it) => trim(it, was, is));
  const lines = hunks.flatMap(({ before: [a, b], after: [c, d] }) => [
    `@@ -${a + 1},${b - a + 1} +${c + 1},${d - c + 1} @@`,
    ...was.slice(a, b + 1).map((line) => `-${line}`),
    ...is.slice(c, d + 1).map((line) => `+${line}`),
  ]);
  return lines.length === 0 ? '' : [`--- ${path}`, `+++ ${path}`, ...lines, ''].join('\n');
}

/** Lines that edits touch, those that share a line together. */
function hunksOf(before: string, after: string, edits: readonly Edit[]): readonly Hunk[] {
  const lineBefore = lineCounter(before);
  const lineAfter = lineCounter(after);
  const hunks: Hunk[] = [];
  let shift = 0;
  for (const { start, end, text } of sortEdits(edits)) {
    const from = start + shift;
    shift += text.length - (end - start);
    const hunk: Hunk = {
      before: [lineBefore(start), lineBefore(end)],
      after: [lineAfter(from), lineAfter(from + text.length)],
    };
    const last = hunks.at(-1);
    if (last === undefined || hunk.before[0] > last.before[1] + 1) hunks.push(hunk);
    else {
      hunks[hunks.length - 1] = {
        before: [last.before[0], hunk.before[1]],
        after: [last.after[0], hunk.after[1]],
      };
    }
  }
  return hunks;
}

/** Lines in front of an offset; offsets must not go back. */
function lineCounter(text: string): (offset: number) => number {
  let line = 0;
  let at = 0;
  return (offset) => {
    for (;;) {
      const end = text.indexOf('\n', at);
      if (end === -1 || end >= offset) return line;
      line += 1;
      at = end + 1;
    }
  };
}

/** Without lines at either end that are the same on both sides. */
function trim(hunk: Hunk, was: readonly string[], is: readonly string[]): Hunk {
  let [a, b] = hunk.before;
  let [c, d] = hunk.after;
  while (a < b && c < d && was[a] === is[c]) {
    a += 1;
    c += 1;
  }
  while (b > a && d > c && was[b] === is[d]) {
    b -= 1;
    d -= 1;
  }
  return { before: [a, b], after: [c, d] };
}
