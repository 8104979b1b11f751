import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readClientFile, type FoundFile } from './read-file.ts';
import { isKnownBackup, keepBackup, refuseUnsafe, replaceClientFile } from './replace-file.ts';

let folder: string;
let path: string;
const NEW = Buffer.from('new');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obsigna replace '));
  path = join(folder, 'mcp.json');
  writeFileSync(path, 'old');
});
afterEach(() => rmSync(folder, { recursive: true }));

const found = () => readClientFile(path) as FoundFile;
const coded = (code: string) => expect.objectContaining({ code }) as unknown;

describe('replaceClientFile()', () => {
  test('leaves a file that another program wrote in between, and says so [C.wrap-race]', () => {
    const before = found();
    writeFileSync(path, 'written by its client');
    expect(() => replaceClientFile(before, NEW)).toThrow(coded('CLIENT_FILE_CHANGED'));
    expect(readFileSync(path, 'utf8')).toBe('written by its client');
    rmSync(path);
    expect(() => replaceClientFile(before, NEW)).toThrow(coded('CLIENT_FILE_UNWRITABLE'));
    expect(readdirSync(folder)).toEqual([]); // nothing half-written is left
  });

  test('replaces what a link leads to, and keeps mode and link', () => {
    const link = join(folder, 'link');
    symlinkSync('mcp.json', link);
    chmodSync(path, 0o640);
    replaceClientFile(readClientFile(link) as FoundFile, NEW);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o7777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['link', 'mcp.json']);
  });

  for (const { name, prepare } of [
    { name: 'a read-only file', prepare: () => chmodSync(path, 0o444) },
    { name: 'a file with two names', prepare: () => linkSync(path, join(folder, 'other')) },
  ]) {
    test(`leaves ${name} alone`, () => {
      prepare();
      const before = found();
      expect(() => replaceClientFile(before, NEW)).toThrow(coded('CLIENT_FILE_UNSAFE'));
      expect(readFileSync(path, 'utf8')).toBe('old');
    });
  }

  test('leaves the file of another user alone', () => {
    const stat = statSync(path);
    stat.uid += 1;
    expect(() => refuseUnsafe(path, stat)).toThrow(coded('CLIENT_FILE_UNSAFE'));
  });
});

describe('readClientFile()', () => {
  test('finds nothing where there is nothing, also behind a link or a file', () => {
    symlinkSync('nowhere', join(folder, 'dangling'));
    for (const name of ['absent', 'dangling', 'mcp.json/inside']) {
      expect(readClientFile(join(folder, name))).toBeUndefined();
    }
  });

  test('says what it cannot read, and does not wait for a pipe', () => {
    mkdirSync(join(folder, 'directory'));
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    for (const name of ['directory', 'pipe']) {
      expect(() => readClientFile(join(folder, name))).toThrow(coded('CLIENT_FILE_UNREADABLE'));
    }
    for (const bytes of [Buffer.of(0x7b, 0xff, 0x7d), Buffer.from('\uFEFF{}', 'utf16le')]) {
      writeFileSync(path, bytes);
      expect(() => readClientFile(path)).toThrow(coded('CLIENT_FILE_INVALID'));
    }
  });
});

test('keepBackup() keeps bytes under their digest, for this user only', () => {
  const kept = keepBackup(folder, found());
  expect(keepBackup(folder, found())).toBe(kept);
  expect(readFileSync(kept, 'utf8')).toBe('old');
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'backups')).mode & 0o077).toBe(0);
  expect(isKnownBackup(folder, path, Buffer.from('old'))).toBe(true);
  expect(isKnownBackup(folder, path, NEW)).toBe(false);
});
