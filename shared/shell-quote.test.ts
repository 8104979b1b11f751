import { spawnSync } from 'node:child_process';
import { array, assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { shellQuote } from './shell-quote.ts';

test('plain words stay as they are', () => {
  expect(shellQuote(['mcp-proxy', '-name', 'a b', '--', "it's"])).toBe(
    String.raw`mcp-proxy -name 'a b' -- 'it'\''s'`,
  );
});

test('a shell reads the words that were given', () => {
  const words = array(string({ unit: 'binary-ascii' }).map((text) => text.replaceAll('\0', '')));
  assert(
    property(words, (given) => {
      const script = `for word in ${shellQuote(given)}; do printf '%s\\0' "$word"; done`;
      const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
      expect(stdout.split('\0').slice(0, -1)).toEqual(given);
    }),
    { numRuns: 50 },
  );
});
