import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { hasName } from './names.ts';

const NAMES = new Set(['sql', 'statement']);
for (const { text, want } of [
  { text: '{}', want: false },
  { text: '{"path":"sql","list":["sql",{"value":"sql"}]}', want: false },
  { text: '{"SQL":1}', want: true },
  { text: '{"a":[[{"b":{"stateMent":null}}]]}', want: true },
  { text: '{"\\u0073\\u0051l" : 1}', want: true },
  { text: '{"text":"a \\"sql\\": b","x":{"sqlx":1,"sq":2}}', want: false },
  { text: `{"${'sql'.repeat(200)}":{"sql":1}}`, want: true },
  { text: '{"sql":{"other":1},"other":2}', want: true },
]) {
  test(`hasName() says ${want} of ${text.slice(0, 60)}`, () => {
    expect(hasName(Buffer.from(text), NAMES)).toBe(want);
  });
}
