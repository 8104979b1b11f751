import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixtures/mcp-programs.ts';
import { PinFile, pinFileOf, pinFilePath } from './pin-file.ts';
import {
  accepted,
  afterSeeing,
  emptyRecord,
  readRecord,
  writeRecord,
  type PinRecord,
} from './pin-record.ts';
import { launchVersion } from './tool-pin.ts';

const withTool =
  (name: string) =>
  (record: PinRecord): PinRecord => ({
    ...record,
    tools: new Map([...record.tools, [name, { pinned: { digest: 'd', at: 'a', content: name } }]]),
  });

test('PinFile writes for its owner only, whole files, and nothing without a change [X.pins]', () => {
  const path = join(temporaryFolder(), 'a', 'pins', 's.json');
  const file = new PinFile(path, () => emptyRecord('s'));
  expect(file.read()).toEqual({ server: 's', isComplete: false, tools: new Map() });
  file.update(withTool('one'));
  const { stamp } = file;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  file.update((record) => record);
  expect(file.stamp).toBe(stamp);
  expect(readdirSync(dirname(path))).toEqual(['s.json']);
});

test('PinFile adds to what another proxy has written meanwhile [X.pins]', () => {
  const path = join(temporaryFolder(), 's.json');
  const [mine, theirs] = [
    new PinFile(path, () => emptyRecord('s')),
    new PinFile(path, () => emptyRecord('s')),
  ];
  mine.read();
  theirs.update(withTool('theirs'));
  let during: unknown;
  mine.update((record) => {
    during = theirs.update(withTool('too early'));
    return withTool('mine')(record);
  });
  expect(during).toBeUndefined();
  expect([...mine.read().tools.keys()]).toEqual(['theirs', 'mine']);
});

test('PinFile takes over the lock of a proxy that was killed', () => {
  const path = join(temporaryFolder(), 's.json');
  const file = new PinFile(path, () => emptyRecord('s'));
  writeFileSync(`${path}.lock`, '');
  expect(file.update(withTool('a'))).toBeUndefined();
  utimesSync(`${path}.lock`, 1, 1);
  expect(file.update(withTool('a'))).toBeUndefined();
  expect(file.update(withTool('a'))?.tools.size).toBe(1);
});

for (const text of [
  '',
  '[]',
  '{"format":2,"server":"s","tools":[]}',
  '{"format":1,"tools":[]}',
  '{"format":1,"server":"s"}',
  '{"format":1,"server":"s","tools":[{}]}',
  '{"format":1,"server":"s","tools":[{"name":"a","pinned":{}}]}',
]) {
  test(`readRecord() refuses ${text || 'an empty file'}`, () => {
    expect(() => readRecord(text, 'f')).toThrow(
      expect.objectContaining({ code: 'PINS_UNREADABLE' }),
    );
  });
}

test('readRecord() reads what writeRecord() writes', () => {
  const path = join(temporaryFolder(), 's.json');
  const record = new PinFile(path, () => emptyRecord('s')).update(
    withTool('__proto__'),
  ) as PinRecord;
  expect(readFileSync(path, 'utf8')).toBe(writeRecord(record));
  expect(readRecord(writeRecord(record), path)).toEqual(record);
});

const LAUNCH = 'sha256:0123456789abcdef';

test('pinFilePath() gives every server a file of its own inside the folder', () => {
  const names = ['files', 'Files', '../x', '', '.', 'a/b', 'a_b', 'A_b', 'x'.repeat(300), 'é'];
  const paths = names.map((name) => pinFilePath('/p', name, LAUNCH));
  expect(paths[0]).toBe('/p/files@0123456789ab.json');
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(names.length);
  for (const path of paths)
    expect(path).toMatch(/^\/p\/[\w.-]{0,64}(~[0-9a-f]{16})?@0123456789ab\.json$/);
});

test('launchVersion() keeps no value that may be a secret, and knows every change [X.pins]', () => {
  const argv = [
    'npx',
    '-y',
    '@scope/server@1.2.3',
    '/home/me/files',
    '--api-key',
    'hunter2',
    '--token=abc',
    'API_KEY=hunter2',
    'https://u:p@example.org/x?key=1',
    'postgres://u:p@db/x',
    'ghp_abcdefghij0123456789',
    '--port',
    '8080',
  ];
  const { content, digest } = launchVersion(argv, 'a');
  expect(content).toEqual([
    'npx',
    '-y',
    '@scope/server@1.2.3',
    '/home/me/files',
    '--api-key',
    '[redacted]',
    '--token=[redacted]',
    'API_KEY=[redacted]',
    'https://[redacted]@example.org/x?[redacted]',
    'postgres://[redacted]@db/x',
    '[redacted]',
    '--port',
    '8080',
  ]);
  expect(launchVersion(['a b'], 'a').digest).not.toBe(launchVersion(['a', 'b'], 'a').digest);
  expect(launchVersion([...argv.slice(0, 5), 'hunter3', ...argv.slice(6)], 'a').digest).not.toBe(
    digest,
  );
});

test('a command that nobody has seen begins with what was accepted under another one [X.pins]', () => {
  const folder = temporaryFolder();
  const [one, two] = [launchVersion(['one'], 'a'), launchVersion(['two'], 'b')];
  const first = pinFileOf(folder, 's', one.digest);
  expect(first.read()).toEqual(emptyRecord('s'));
  first.update((record) => ({ ...withTool('read')(record), launch: { pinned: one } }));
  expect(pinFileOf(folder, 's', two.digest).read()).toEqual(first.read());
  expect(pinFileOf(folder, 'other', two.digest).read()).toEqual(emptyRecord('other'));

  const second = pinFileOf(folder, 's', two.digest);
  second.update((record) => ({ ...record, launch: afterSeeing(record.launch, two, false) }));
  second.update((record) => ({ ...record, launch: accepted(record.launch ?? {}) ?? {} }));
  // Both stand beside each other, as two clients use them in turn.
  expect(second.read().launch).toEqual({ pinned: two });
  expect(first.read().launch).toEqual({ pinned: one });

  writeFileSync(second.path, '{');
  const third = pinFileOf(folder, 's', launchVersion(['three'], 'c').digest);
  expect(() => third.read()).toThrow(expect.objectContaining({ code: 'PINS_UNREADABLE' }));
});
