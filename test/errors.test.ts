import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERROR_REMEDIES } from '../shared/errors.ts';
import { ROOT } from './imports.ts';

/** Rows of the table in docs/errors.md: `| CODE | what to do |`, the code in backquotes. */
function documentedRows(): string[] {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  return text.split('\n').filter((line) => /^\|\s*`[A-Z]/.test(line));
}

// On failure the difference shows the rows to add or to remove, ready to copy.
test('docs/errors.md lists every error code with its remedy, and no other [P8.errors-listed]', () => {
  const rows = Object.entries(ERROR_REMEDIES).map(
    ([code, remedy]) => `| \`${code}\` | ${remedy.replaceAll('|', '\\|')} |`,
  );
  expect(documentedRows().sort()).toEqual(rows.sort());
});

test('remedies are sentences that say what to do', () => {
  for (const remedy of Object.values(ERROR_REMEDIES)) {
    expect(remedy).toMatch(/^[A-Z].{15,}[.!)]$/);
    expect(remedy).not.toContain('\n');
  }
});
