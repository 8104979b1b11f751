import { join } from 'node:path';
import { Load, startDaemon, writeSignedBytes } from '../daemon.ts';
import { Helper, type DurableAnswer } from '../lab.ts';
import { atMost, ratioRow, type Round } from '../row.ts';
import { quantile } from '../stats.ts';
import type { Bench } from './bench.ts';

/** One emitter that waits for each receipt: what a caller pays who wants to be sure. */
export const acknowledgement: Bench = {
  name: 'acknowledgement',
  title: 'acknowledgement, one emitter waiting for each',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const load = new Load(lab, daemon);
    const floors = new Helper(lab, 'floors.mjs');
    await load.run(1, 1000);
    const text = join(daemon.folder, 'signed.bin');
    writeSignedBytes(daemon.db, text);
    const path = join(daemon.folder, 'appended.bin'); // beside the store: the same file system
    const p50: Round[] = [];
    const p99: Round[] = [];
    for (let i = 0; i < lab.size(8, 30); i += 1) {
      const floor = await floors.ask<DurableAnswer>({ kind: 'durable', path, text, count: 300 });
      const { latenciesNs = [] } = await load.run(1, 300, true);
      const at = (q: number): Round => ({
        floor: quantile(floor.latenciesNs, q),
        measured: quantile(latenciesNs, q),
      });
      p50.push(at(0.5));
      p99.push(at(0.99));
    }
    await Promise.all([load.end(), floors.end()]);
    await daemon.stop();
    const spec = { basis: 'wall', unit: 'ns', floorName: 'fdatasync + sign' } as const;
    return [
      ratioRow({ ...spec, row: 'acknowledgement, one emitter, p50', budget: atMost(3) }, p50),
      ratioRow({ ...spec, row: 'acknowledgement, one emitter, p99' }, p99),
    ];
  },
};
