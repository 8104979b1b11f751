import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listFiles, ROOT } from './imports.ts';
import { REQUIREMENTS, type Requirement } from './requirements.ts';

const CITATION = /\[([A-Z]\d?\.[a-z0-9]+(?:-[a-z0-9]+)*)\]/g;
const SELF = 'test/requirements.test.ts';

type Citation = { readonly id: string; readonly path: string };

function citationsIn(path: string, text: string): Citation[] {
  return Array.from(text.matchAll(CITATION), ([, id = '']) => ({ id, path }));
}

/** What is wrong between the list and the tests, one line each. */
function disagreements(list: readonly Requirement[], citations: readonly Citation[]): string[] {
  const known = new Map(list.map((requirement) => [requirement.id, requirement]));
  const cited = new Set(citations.map(({ id }) => id));
  const unknown = citations.filter(({ id }) => !known.has(id));
  return [
    ...unknown.map(({ id, path }) => `[${id}] is cited in ${path} but is no requirement`),
    ...list.flatMap(({ id, text, gap }) => {
      if (gap === undefined && !cited.has(id)) return [`[${id}] is shown by no test: ${text}`];
      if (gap !== undefined && cited.has(id)) return [`[${id}] is shown, remove its gap: ${gap}`];
      return [];
    }),
  ];
}

test('every requirement is shown by a test or marked as a gap', () => {
  const paths = listFiles('.', ['.test.ts']).filter((path) => path !== SELF);
  const citations = paths.flatMap((path) =>
    citationsIn(path, readFileSync(join(ROOT, path), 'utf8')),
  );
  expect(disagreements(REQUIREMENTS, citations)).toEqual([]);
});

test('requirement ids are unique and can be cited', () => {
  const ids = REQUIREMENTS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.flatMap((id) => citationsIn('', `[${id}]`).map((found) => found.id))).toEqual(ids);
});

test('a source that is a file of ours exists', () => {
  const files = new Set(listFiles('.', ['.md', '.ts', '.json']));
  const missing = REQUIREMENTS.filter(({ source }) => {
    const path = /^[\w-]+(?:\/[\w-]+)*\.(?:md|ts|json)/.exec(source)?.[0];
    if (path !== undefined) return !files.has(path);
    if (!source.startsWith('docs/adr/')) return false;
    return !Array.from(files).some((file) => file.startsWith(`${source}-`));
  });
  expect(missing.map(({ id, source }) => `[${id}] names ${source}`)).toEqual([]);
});

const LISTED: readonly Requirement[] = [
  { id: 'P3.batch', text: 'batch', source: 'a' },
  { id: 'P3.http', text: 'http', source: 'a', gap: 'later' },
];
for (const { name, text, want } of [
  { name: 'everything shown', text: 'test("[P3.batch] x")', want: [] },
  { name: 'an uncited id', text: '', want: ['[P3.batch] is shown by no test: batch'] },
  {
    name: 'an unknown id',
    text: '// [P3.batch] [X.nothing]',
    want: ['[X.nothing] is cited in a.test.ts but is no requirement'],
  },
  {
    name: 'a gap that is closed',
    text: '// [P3.batch][P3.http]',
    want: ['[P3.http] is shown, remove its gap: later'],
  },
]) {
  test(`disagreements() reports ${name}`, () => {
    expect(disagreements(LISTED, citationsIn('a.test.ts', text))).toEqual(want);
  });
}
