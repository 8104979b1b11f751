import { filledStore, FIRST_RECEIPTS, type FilledStore } from '../daemon.ts';
import { atMost, ratioRow, type Round, type Row } from '../row.ts';
import type { Bench } from './bench.ts';
import { largeStore } from './large-store.ts';
import { wholeRun } from './whole-run.ts';

/** Reading commands must not notice how much history there is. */
export const list: Bench = {
  name: 'list',
  title: 'receipt list, show and tail in a large store',
  run: async (lab) => {
    const small = await filledStore(lab, FIRST_RECEIPTS);
    const large = await largeStore(lab);
    const rows: Row[] = [];
    for (const command of [['list'], ['show', '500'], ['tail']]) {
      const run = ({ db }: FilledStore) =>
        wholeRun(lab, 'obsigna', ['receipt', ...command, '-db', db]);
      const wall: Round[] = [];
      const cpu: Round[] = [];
      for (let i = 0; i <= lab.size(8, 30); i += 1) {
        const floor = await run(small);
        const measured = await run(large);
        if (i === 0) continue; // reads both files from the disk
        wall.push({ floor: floor.wallNs, measured: measured.wallNs });
        cpu.push({ floor: floor.cpuNs, measured: measured.cpuNs });
      }
      const row = `receipt ${command.join(' ')}, ${large.receipts} receipts`;
      const floorName = `${small.receipts} receipts`;
      const note = large.receipts < 1e6 ? 'promised for 1 M receipts' : undefined;
      rows.push(
        ratioRow(
          {
            row,
            basis: 'wall',
            unit: 'ns',
            floorName,
            budget: atMost(1.3),
            ...(note !== undefined && { note }),
          },
          wall,
          {
            cpu,
          },
        ),
      );
    }
    return rows;
  },
};
