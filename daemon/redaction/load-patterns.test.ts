import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CodedError } from '../../shared/errors.ts';
import { createRedactor } from '../redact.ts';
import { loadPatterns, parsePatterns } from './load-patterns.ts';

const good = 'patterns:\n  - name: corp\n    pattern: corp_[a-z0-9]{8,}\n';

// file text -> `LINE:COLUMN: what is wrong`, all of them in order
const BROKEN: [name: string, text: string, ...problems: string[]][] = [
  ['an empty file', '', '1:1: the file is empty'],
  ['a list at the top', '- name: a\n', '1:1: the file must be a map, found a list'],
  ['another key', 'pattern: []\n', '1:1: unknown key "pattern"', '1:1: no "patterns" list'],
  ['a map for a list', 'patterns:\n  a: b\n', '2:3: "patterns" must be a list, found a map'],
  ['no YAML', 'patterns: [\n', '2:1: not valid YAML: flow sequence'],
  [
    'a text for a pattern',
    'patterns:\n  - x\n',
    '2:5: pattern 1 must be a map, found the text "x"',
  ],
  ['no pattern', 'patterns:\n  - name: a\n', '2:5: pattern 1 has no pattern'],
  ['no name', 'patterns:\n  - pattern: a\n', '2:5: pattern 1 has no name'],
  ['an empty name', 'patterns:\n  - name: ""\n    pattern: a\n', '2:11: the name is empty'],
  ['a number', 'patterns:\n  - name: a\n    pattern: 17\n', '3:14: "pattern" must be text'],
  ['an unknown key', `${good}    regex: b\n`, '4:5: unknown key "regex"'],
  [
    'a name twice',
    `${good}  - name: corp\n    pattern: a\n`,
    '4:5: pattern name "corp" is used already on line 2',
  ],
  [
    'what RE2 does not know, and what never ends, at their places',
    `${good}  - name: b\n    pattern: a(?=b)\n  - {name: c, pattern: "(a+)+b"}\n`,
    '5:14: pattern "a(?=b)" is refused at character 2: look-around is not possible',
    '6:24: pattern "(a+)+b" is refused at character 5: a repetition without limit inside',
  ],
  [
    'too many patterns',
    `patterns:\n${'  - {name: a, pattern: a}\n'.repeat(101)}`,
    '2:3: 101 patterns, limit 100',
  ],
];
for (const [name, text, ...problems] of BROKEN) {
  test(`[D.redaction-custom] parsePatterns() refuses ${name}`, () => {
    let found: unknown;
    try {
      parsePatterns(text, 'p.yaml');
    } catch (error) {
      found = error;
    }
    expect(found).toMatchObject({ code: 'REDACTION_INVALID' });
    const lines = (found as CodedError).message.split('\n');
    expect(lines).toHaveLength(problems.length);
    problems.forEach((problem, at) => expect(lines[at]).toContain(`p.yaml:${problem}`));
  });
}

test('a text that exhausts the engine is hidden as a whole', () => {
  class Exhausted extends RegExp {
    override [Symbol.replace](): string {
      throw new RangeError('Maximum call stack size exceeded');
    }
  }
  expect(createRedactor([new Exhausted('a', 'g')])('secret')).toBe('[REDACTED]');
});

test('[D.redaction-custom] loadPatterns() reads a file, and its patterns work behind the built-in ones', () => {
  const folder = mkdtempSync(join(tmpdir(), 'obsigna-patterns-'));
  const path = join(folder, 'p.yaml');
  try {
    expect(() => loadPatterns(path)).toThrow(
      expect.objectContaining({ code: 'REDACTION_UNREADABLE' }),
    );
    writeFileSync(path, `${good}  - name: rest\n    pattern: REDACTED\n`);
    const patterns = loadPatterns(path);
    expect(patterns.map(({ name }) => name)).toEqual(['corp', 'rest']);
    const redact = createRedactor(patterns.map(({ expression }) => expression));
    expect(redact('corp_abcdefgh1, corp_a, xoxb-1-2')).toBe('[[REDACTED]], corp_a, [[REDACTED]]');
    writeFileSync(path, ' '.repeat(256 * 1024 + 1));
    expect(() => loadPatterns(path)).toThrow(/limit 262144/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
