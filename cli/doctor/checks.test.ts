import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../shared/version.ts';
import { countHealth, exitCodeOf, fail, note, ok, warn } from '../../shared/health/check.ts';
import type { Greeting } from '../../shared/health/daemon-checks.ts';
import {
  dialPathCheck,
  environmentCheck,
  extensionsCheck,
  processCheck,
} from '../../shared/health/daemon-checks.ts';
import { socketCheck } from './socket-checks.ts';
import { ReceiptReader } from '../store/reader.ts';
import { FixtureStore, makeKey } from '../../test/fixtures/store.ts';
import { readKeyring } from '../keyring.ts';
import {
  outcomesCheck,
  chainHeadCheck,
  permissionsCheck,
  platformCheck,
  sharedUidCheck,
} from './store-checks.ts';

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna-doctor-'));
  file = join(folder, 'receipts.db');
  writeFileSync(file, 'x');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('one check', () => {
  const greeted = (version: string): Greeting => ({
    state: 'greeted',
    version,
    extensions: ['ack'],
  });
  const linux = (env: Readonly<Record<string, string>>) => ({ env, platform: 'linux', home: '/h' });
  const XDG = '/run/user/7/agentreceipts/events.sock';

  for (const { name, run, status, reason, fix } of [
    {
      name: 'daemon process: a socket that this user may not open',
      run: () => processCheck('/s', { state: 'unreachable', code: 'EACCES' }),
      status: 'fail',
      reason: /nobody answers at \/s \(EACCES\)/,
      fix: /let this user into the group/,
    },
    {
      name: 'socket: a file',
      run: () => socketCheck(file),
      status: 'fail',
      reason: /is not a socket/,
      fix: /remove it if it is yours/,
    },
    {
      name: 'emitter dial path: another one than was checked',
      run: () => dialPathCheck('/s', linux({ XDG_RUNTIME_DIR: '/run/user/7' })),
      status: 'warn',
      reason: new RegExp(`emitters dial ${XDG}, checked was /s`),
      fix: /set AGENTRECEIPTS_SOCKET=\/s/,
    },
    {
      name: 'emitter dial path: none on this platform',
      run: () => dialPathCheck('/s', { env: {}, platform: 'sunos', home: '/h' }),
      status: 'warn',
      reason: /cannot be known/,
      fix: /set AGENTRECEIPTS_SOCKET=\/s/,
    },
    {
      name: 'db permissions: a mode that others can use',
      run: () => {
        chmodSync(file, 0o644);
        return permissionsCheck(file);
      },
      status: 'fail',
      reason: /mode 0644, looser than 0640/,
      fix: /^chmod 0640 .+receipts\.db$/,
    },
    {
      name: 'db permissions: a log that others can use',
      run: () => {
        chmodSync(file, 0o640);
        writeFileSync(`${file}-wal`, '', { mode: 0o666 });
        chmodSync(`${file}-wal`, 0o660);
        return permissionsCheck(file);
      },
      status: 'fail',
      reason: /-wal has mode 0660/,
      fix: /^chmod 0640 .+-wal$/,
    },
    {
      name: 'db permissions: a directory',
      run: () => permissionsCheck(folder),
      status: 'fail',
      reason: /is not a regular file/,
      fix: /check -db/,
    },
    {
      name: 'peer credentials: a platform without them',
      run: () => platformCheck('win32'),
      status: 'fail',
      reason: /not known on win32/,
      fix: /on Linux or macOS/,
    },
    {
      name: 'daemon extensions: another version',
      run: () => extensionsCheck(greeted('0.0.1')),
      status: 'warn',
      reason: /^version 0\.0\.1: ack; this program is /,
      fix: /restart the daemon/,
    },
    {
      name: 'daemon extensions: this version',
      run: () => extensionsCheck(greeted(VERSION)),
      status: 'ok',
      reason: /: ack$/,
      fix: undefined,
    },
    {
      name: 'daemon extensions: none',
      run: () => extensionsCheck({ state: 'plain' }),
      status: 'note',
      reason: /plain protocol/,
      fix: undefined,
    },
    {
      name: 'shared uid: the same one [P2.shared-uid-doctor]',
      run: () => sharedUidCheck(1000, 1000, '/nowhere'),
      status: 'note',
      reason: /share uid 1000: whatever runs as this user can read the signing key/,
      fix: /a user of its own/,
    },
    {
      name: 'shared uid: another one whose key is open',
      run: () => sharedUidCheck(990, 1000, file),
      status: 'fail',
      reason: /uid 1000 can read its key/,
      fix: /^chmod 0600 .+ rotate the key/,
    },
    {
      name: 'shared uid: another one',
      run: () => sharedUidCheck(990, 1000, '/nowhere'),
      status: 'ok',
      reason: /uid 990, this user 1000/,
      fix: undefined,
    },
    {
      name: 'shared uid: root, from whom nothing is kept',
      run: () => sharedUidCheck(990, 0, '/nowhere'),
      status: 'note',
      reason: /root reads its key/,
      fix: undefined,
    },
    {
      name: 'emitter environment: a path that only XDG_RUNTIME_DIR tells',
      run: () => environmentCheck(XDG, linux({ XDG_RUNTIME_DIR: '/run/user/7', HOME: '/h' })),
      status: 'note',
      reason: /dials \/run\/agentreceipts\/events\.sock, not \/run\/user\/7/,
      fix: new RegExp(`mcp-proxy -socket ${XDG}`),
    },
    {
      name: 'emitter environment: names that get lost',
      run: () =>
        environmentCheck(
          '/run/agentreceipts/events.sock',
          linux({ AGENTRECEIPTS_OPERATOR_ID: 'x' }),
        ),
      status: 'note',
      reason: /not passed on: AGENTRECEIPTS_OPERATOR_ID$/,
      fix: /"env" of the host's configuration/,
    },
    {
      name: 'emitter environment: nothing gets lost',
      run: () => environmentCheck('/run/agentreceipts/events.sock', linux({ HOME: '/h' })),
      status: 'ok',
      reason: /dials the same socket$/,
      fix: undefined,
    },
  ]) {
    test(`doctor on ${name}`, () => {
      const check = run();
      expect(check).toMatchObject({ status, reason: expect.stringMatching(reason) });
      expect(check.check).toBe(name.slice(0, name.indexOf(':')));
      if (fix === undefined) expect(check.fix).toBeUndefined();
      else expect(check.fix).toMatch(fix);
    });
  }
});

test('a note is no warning, and a warning fails only on request', () => {
  const noted = countHealth([ok('a', ''), note('b', '')]);
  expect(noted).toEqual({ ok: 1, warn: 0, fail: 0 });
  expect([exitCodeOf(noted, false), exitCodeOf(noted, true)]).toEqual([0, 0]);
  const warned = countHealth([warn('a', '', '')]);
  expect([exitCodeOf(warned, false), exitCodeOf(warned, true)]).toEqual([0, 1]);
  expect(exitCodeOf(countHealth([warn('a', '', ''), fail('b', '', '')]), false)).toBe(1);
});

describe('the checks that read the store', () => {
  const pinned = makeKey();

  for (const { name, pins, status, reason } of [
    { name: 'no pin', pins: [], status: 'ok', reason: /valid and being written; key not pinned$/ },
    {
      name: 'the pin of its key',
      pins: [pinned.fingerprint],
      status: 'ok',
      reason: /valid and being written$/,
    },
    {
      name: 'the pin of another key',
      pins: [makeKey().fingerprint],
      status: 'fail',
      reason: /broken: key not pinned: the chain begins with /,
    },
  ]) {
    test(`chain head with ${name} [C.pin]`, async () => {
      const store = new FixtureStore(pinned);
      store.append('a');
      const reader = new ReceiptReader(store.path);
      const keyring = readKeyring(store.publicKeyPath);
      const chain = { id: 'a', key: 'a' };
      const evidence = { reader, keyring, pins };
      const check = await chainHeadCheck(evidence, chain, true, () => undefined);
      expect(check).toMatchObject({ status, reason: expect.stringMatching(reason) as string });
      reader.close();
      store.remove();
    });
  }

  test('recent outcomes counts what is pending and not a day old, and asks for no repair', () => {
    const store = new FixtureStore();
    store.append('a', { outcome: { status: 'pending' } }); // at 12:00:01
    store.append('a', { outcome: { status: 'pending' } });
    store.append('a');
    const reader = new ReceiptReader(store.path);
    const keyring = readKeyring(store.publicKeyPath);
    const at = (time: string) => outcomesCheck({ reader, keyring, pins: [] }, Date.parse(time));
    expect(at('2026-06-16T12:00:02Z')).toMatchObject({
      status: 'note',
      reason: expect.stringMatching(/^1 receipt of the last 24 hours says pending/) as string,
    });
    expect(at('2026-06-16T12:00:03Z').status).toBe('ok');
    reader.close();
    store.remove();
  });
});
