import { expect, test } from 'vitest';
import { FIGURES_BEGIN, FIGURES_END, renderFigures, withFigures, type Report } from './report.ts';
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

test('withFigures() replaces what stands between the marks and nothing else', () => {
  const page = `above\n${FIGURES_BEGIN}\nold\n${FIGURES_END}\nbelow\n`;
  const once = withFigures(page, 'new');
  expect(once).toBe(`above\n${FIGURES_BEGIN}\n\nnew\n${FIGURES_END}\nbelow\n`);
  expect(withFigures(once, 'new')).toBe(once);
  expect(() => withFigures('no marks', 'new')).toThrow(FIGURES_BEGIN);
});
