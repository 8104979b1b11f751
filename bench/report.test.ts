import { expect, test } from 'vitest';
import { renderFigures, withMarked, type Report } from './report.ts';
import { ratioRow } from './row.ts';

const REPORT: Report = {
  command: 'npm run bench -- --full',
  form: 'full',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    node: 'v20.19.0',
    system: 'linux',
    disk: 'file system',
    date: '2026-06-15T12:00:00.000Z',
    loadBefore: [0],
  },
  seconds: 1,
  rows: ['start', 'list'].map((bench) => ({
    bench,
    ...ratioRow({ row: `${bench} a|b`, basis: 'wall', unit: 'ns', floorName: 'floor' }, [
      { floor: 1, measured: 2 },
    ]),
  })),
};

test('renderFigures() puts each table under the command that prints it, as valid Markdown', () => {
  const text = renderFigures(REPORT);
  const commands = [...text.matchAll(/```sh\n(.*)\n```/g)].map(([, command]) => command);
  expect(commands).toEqual([
    'npm run bench -- --full --only start',
    'npm run bench -- --full --only list',
  ]);
  expect(text).toContain('| start a\\|b ');
});

test('withMarked() replaces what stands between its marks and nothing else', () => {
  const page = 'above\n<!-- fleet -->\nold\n<!-- end of fleet -->\nbelow\n';
  const once = withMarked(page, 'fleet', 'new');
  expect(once).toBe('above\n<!-- fleet -->\n\nnew\n<!-- end of fleet -->\nbelow\n');
  expect(withMarked(once, 'fleet', 'new')).toBe(once);
  expect(() => withMarked(page, 'figures', 'new')).toThrow('<!-- figures -->');
});
