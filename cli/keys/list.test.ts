import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore, makeKey } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;
beforeAll(async () => {
  cli = await bundleCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  store = new FixtureStore();
});
afterEach(() => store.remove());

const [one, two, three, stray] = [makeKey(), makeKey(), makeKey(), makeKey()];
const list = (...args: readonly string[]) =>
  cli.run(['keys', 'list', '-db', store.path, '-public-key', store.publicKeyPath, ...args]);

test('obsigna keys list tells which key was in use when, newest first [C.keys-list]', () => {
  store.publish(one);
  store.append('a');
  const first = store.rotate('a', two);
  const second = store.rotate('b', three);
  store.archive(stray);
  const { code, stdout, stderr } = list('-json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const path = (key: typeof one) => `${store.publicKeyPath}.rotated-${key.fingerprint.slice(-16)}`;
  expect(JSON.parse(stdout)).toEqual({
    keys: [
      {
        state: 'published',
        fingerprint: three.fingerprint,
        path: store.publicKeyPath,
        from: '2026-06-15T12:00:03Z',
        until: null,
        rotated_in: second,
        rotated_out: null,
      },
      {
        state: 'retired',
        fingerprint: two.fingerprint,
        path: path(two),
        from: '2026-06-15T12:00:02Z',
        until: '2026-06-15T12:00:03Z',
        rotated_in: first,
        rotated_out: second,
      },
      {
        state: 'retired',
        fingerprint: one.fingerprint,
        path: path(one),
        from: null,
        until: '2026-06-15T12:00:02Z',
        rotated_in: null,
        rotated_out: first,
      },
      {
        state: 'unproven',
        fingerprint: stray.fingerprint,
        path: path(stray),
        from: null,
        until: null,
        rotated_in: null,
        rotated_out: null,
      },
    ],
  });
  const lines = list().stdout.split('\n');
  expect(lines[0]).toMatch(/^STATE +FROM +UNTIL +FINGERPRINT +FILE$/);
  expect(lines[1]).toMatch(
    /^published +2026-06-15T12:00:03Z +- +sha256:\w{64} +\/.+signing\.key\.pub$/,
  );
  expect(lines).toHaveLength(6);
});

test('obsigna keys list works before there is a store, and skips what is no key [C.keys-list]', () => {
  store.close();
  rmSync(store.path);
  writeFileSync(`${store.publicKeyPath}.rotated-0`, 'nonsense');
  const { code, stdout, stderr } = list();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^STATE.+\npublished +- +- +sha256:.+\n$/);
  expect(stderr).toMatch(/^Note: skipped archived key: .+\nNote: no receipt store at .+\n$/);
});

test('obsigna keys generate without a daemon program to run says so with exit 1 [C.keys-sibling]', () => {
  const { code, stderr } = cli.run(['keys', 'generate'], { env: { PATH: '/nonexistent' } });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /obsigna-daemon is neither beside this program nor on PATH\n.+\n {2}code: PROGRAM_MISSING\n$/,
  );
});
