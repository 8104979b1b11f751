import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firstReceipt } from './first-receipt.ts';

const ROOT = join(import.meta.dirname, '../..');

test('packed, installed on a path with a space, set up and wrapped, the first call has a receipt that verifies, and unwrap restores every byte [X.pack]', async () => {
  const result = await firstReceipt({
    root: ROOT,
    compile: false,
    say: () => undefined,
  });
  expect(result.tools.filter((tool) => tool === 'echo').length).toBe(2);
  const rooms = new Set(result.packed.map((path) => path.replace(/\/.*/s, '')));
  // Programs, service files and pages for people: no sources, no tests, no maps.
  expect([...rooms].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'NOTICE',
    'README.md',
    'SECURITY.md',
    'dist',
    'docs',
    'launchd',
    'package.json',
    'systemd',
  ]);
  expect(result.packed.filter((path) => /\.(?:map|test\.\w+|[cm]?ts)$/.test(path))).toEqual(
    result.packed.filter((path) => path.endsWith('.d.ts')),
  );
}, 240_000);
