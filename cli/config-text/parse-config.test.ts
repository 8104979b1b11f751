import * as fc from 'fast-check';
import { stringify as stringifyToml } from 'smol-toml';
import { expect, test } from 'vitest';
import { stringify as stringifyYaml } from 'yaml';
import type { Format, TextNode } from './node.ts';
import { parseConfig } from './parse-config.ts';

for (const { format, text, at, what } of [
  { format: 'json', text: '{\n  "a": 1\n  "b": 2\n}', at: '3:3', what: 'expected a comma or }' },
  { format: 'json', text: '{"a": "x', at: '1:7', what: 'this string never ends' },
  { format: 'json', text: '{"a": "b\nc"}', at: '1:9', what: 'control character' },
  { format: 'json', text: '{"a": 01}', at: '1:7', what: 'expected a value' },
  { format: 'json', text: "{'a': 1}", at: '1:2', what: 'a name in double quotes' },
  { format: 'json', text: '{} x', at: '1:4', what: 'expected the end of the file' },
  { format: 'json', text: '{ /* ', at: '1:3', what: 'this comment never ends' },
  { format: 'json', text: String.raw`{"a": "\x"}`, at: '1:7', what: 'wrong escape' },
  { format: 'json', text: '['.repeat(100_000), at: '1:502', what: 'nested too deeply' },
  { format: 'toml', text: 'a = 1\nb = secret\n', at: '2:5', what: 'invalid value' },
  { format: 'toml', text: '[a]\n[a]\n', at: '2:', what: 'trying to redefine' },
  { format: 'yaml', text: 'a: 1\na: 2\n', at: '2:1', what: 'duplicate key' },
  { format: 'yaml', text: 'a: "x\nb: c\n', at: '', what: 'not YAML' },
  { format: 'yaml', text: 'a: 1\n---\nb: 2\n', at: '2:1', what: 'more than one document' },
  { format: 'yaml', text: `a: ${'['.repeat(100_000)}`, at: '1:', what: 'nested too deeply' },
  { format: 'yaml', text: `a:\n  ${'- '.repeat(10_000)}x`, at: '2:', what: 'nested too deeply' },
  { format: 'toml', text: `a = ${'['.repeat(100_000)}`, at: '1:', what: 'not TOML' },
] as const) {
  test(`parseConfig() says where it is no ${format}: ${text.slice(0, 20)} [C.wrap-broken]`, () => {
    const parse = () => parseConfig(format, text, '/f');
    expect(parse).toThrow(expect.objectContaining({ code: 'CLIENT_FILE_INVALID' }));
    expect(parse).toThrow(new RegExp(`^/f:${at}`));
    expect(parse).toThrow(what);
    expect(parse).not.toThrow('secret');
  });
}

const WRITERS: Readonly<Record<Format, (value: object) => string>> = {
  json: (value) => JSON.stringify(value, undefined, 2),
  yaml: (value) => stringifyYaml(value),
  toml: (value) => stringifyToml(value),
};

for (const format of ['json', 'yaml', 'toml'] as const) {
  test(`parseConfig() reads ${format} as it was written, every value where it stands`, () => {
    const scalar = fc.oneof(fc.string({ maxLength: 8 }), fc.boolean(), fc.integer());
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        scalar,
        fc.array(scalar, { maxLength: 3 }),
        fc.dictionary(fc.string({ maxLength: 6 }), tie('tree'), { maxKeys: 3 }),
      ),
    }));
    const root = fc.dictionary(fc.string({ maxLength: 6 }), tree, { minKeys: 1, maxKeys: 4 });
    fc.assert(
      fc.property(root, (value) => {
        const text = WRITERS[format](value);
        const { root: node } = parseConfig(format, text, 'f');
        expect(plain(node)).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });
}

function plain(node: TextNode): unknown {
  if (node.kind === 'string') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  if (node.kind === 'other') return JSON.parse(node.text);
  return Object.fromEntries(node.members.map(({ name, value }) => [name, plain(value)]));
}
