import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hiddenTools, without } from './list-cut.ts';

const cut = (text: string, isHidden: (name: string) => boolean) => {
  const bytes = Buffer.from(text);
  return without(bytes, hiddenTools(bytes, isHidden)).toString();
};
const isB = (name: string) => name.startsWith('b');

for (const { name, text, want } of [
  {
    name: 'the first',
    text: '{"tools":[ {"name":"b"} , {"name":"a"} ]}',
    want: '{"tools":[ {"name":"a"} ]}',
  },
  {
    name: 'the last',
    text: '{"tools":[{"name":"a"} , {"name":"b"}\n]}',
    want: '{"tools":[{"name":"a"}\n]}',
  },
  {
    name: 'all',
    text: '{"tools":[ {"name":"b"},{"name":"b2"} ],"nextCursor":"1.0"}',
    want: '{"tools":[  ],"nextCursor":"1.0"}',
  },
  {
    name: 'several in a row',
    text: '{"tools":[{"name":"a"}, {"name":"b"},{"name":"b2"}, {"name":"c","x":1.0}]}',
    want: '{"tools":[{"name":"a"}, {"name":"c","x":1.0}]}',
  },
  { name: 'a name with escapes', text: '{"tools":[{"name":"\\u0062"},1]}', want: '{"tools":[1]}' },
  { name: 'one of two names', text: '{"tools":[{"name":"b","name":"a"}]}', want: '{"tools":[]}' },
  {
    name: 'a list that stands twice',
    text: '{"tools":[{"name":"b"}],"tools":[{"name":"b"}]}',
    want: '{"tools":[],"tools":[]}',
  },
  {
    name: 'nothing of what is no list',
    text: '{"tools":{"name":"b"},"x":[{"name":"b"}]}',
    want: undefined,
  },
  { name: 'nothing of half a list', text: '{"tools":[{"name":"b"}', want: undefined },
]) {
  test(`hiddenTools() cuts ${name} [X.hide-blocked]`, () =>
    expect(cut(text, isB)).toBe(want ?? text));
}

test('hiddenTools() leaves what is shown as it was written [X.hide-blocked]', () => {
  const space = fc.constantFrom('', ' ', '\n', '\t ');
  const tool = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'bb'), pad: fc.jsonValue() });
  const list = fc.array(fc.tuple(space, tool, space));
  fc.assert(
    fc.property(list, (parts) => {
      const texts = parts.map(([l, value, r]) => `${l}${JSON.stringify(value)}${r}`);
      const result = `{ "x":1e2,"tools" :[${texts.join(',')}], "nextCursor":""}`;
      const shown = cut(result, isB);
      const kept = parts.map(([, value]) => value).filter(({ name }) => !isB(name));
      expect(JSON.parse(shown)).toEqual({
        x: 100,
        tools: JSON.parse(JSON.stringify(kept)),
        nextCursor: '',
      });
      let at = 0;
      for (const value of kept) at = shown.indexOf(JSON.stringify(value), at) + 1;
      expect(at > 0 || kept.length === 0).toBe(true);
    }),
  );
});
