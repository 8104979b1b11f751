import { afterEach, beforeEach, expect, test } from 'vitest';
import { FixtureStore } from '../../test/fixtures/store.ts';
import { ReceiptReader } from './reader.ts';

let store: FixtureStore;

beforeEach(() => {
  store = new FixtureStore();
  for (let i = 0; i < 3; i += 1) store.append('a');
});
afterEach(() => store.remove());

/** SQLite does not close while a query has rows left: reading all of them at once would end it. */
for (const { name, rows } of [
  { name: 'chain()', rows: (reader: ReceiptReader) => reader.chain({ id: 'a', key: 'a' }) },
  {
    name: 'withAction()',
    rows: (reader: ReceiptReader) => reader.withAction('mcp.files.read_file'),
  },
]) {
  test(`ReceiptReader.${name} reads one receipt at a time [P7.memory-flat]`, () => {
    const reader = new ReceiptReader(store.path);
    const iterator = rows(reader);
    expect(iterator.next().done).toBe(false);
    expect(() => reader.close()).toThrow(/busy/);
    expect([...iterator]).toHaveLength(2);
    reader.close();
  });
}
