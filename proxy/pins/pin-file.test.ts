import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixtures/mcp-programs.ts';
import { PinFile, pinFilePath } from './pin-file.ts';
import { readRecord, writeRecord, type PinRecord } from './pin-record.ts';
import { launchVersion } from './tool-pin.ts';

const withTool =
  (name: string) =>
  (record: PinRecord): PinRecord => ({
    ...record,
    tools: new Map([...record.tools, [name, { pinned: { digest: 'd', at: 'a', content: name } }]]),
  });

test('PinFile writes for its owner only, whole files, and nothing without a change [X.pins]', () => {
  const path = join(temporaryFolder(), 'a', 'pins', 's.json');
  const file = new PinFile(path, 's');
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
  const [mine, theirs] = [new PinFile(path, 's'), new PinFile(path, 's')];
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
  const file = new PinFile(path, 's');
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
  const record = new PinFile(path, 's').update(withTool('__proto__')) as PinRecord;
  expect(readFileSync(path, 'utf8')).toBe(writeRecord(record));
  expect(readRecord(writeRecord(record), path)).toEqual(record);
});

test('pinFilePath() gives every server a file of its own inside the folder', () => {
  const names = ['files', 'Files', '../x', '', '.', 'a/b', 'a_b', 'A_b', 'x'.repeat(300), 'é'];
  const paths = names.map((name) => pinFilePath('/p', name));
  expect(paths[0]).toBe('/p/files.json');
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(names.length);
  for (const path of paths) expect(path).toMatch(/^\/p\/[\w.-]{0,64}(~[0-9a-f]{16})?\.json$/);
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
