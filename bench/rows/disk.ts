import { filledStore, storeFigures } from '../daemon.ts';
import { atMost, ratioRow } from '../row.ts';
import type { Bench } from './bench.ts';

/** What the columns and their indices cost on top of the receipts themselves. */
export const disk: Bench = {
  name: 'disk',
  title: 'bytes on disk per receipt',
  run: async (lab) => {
    const { db } = await filledStore(lab, lab.size(20_000, 200_000));
    const { receipts, textBytes, fileBytes } = storeFigures(db);
    const round = { floor: textBytes / receipts, measured: fileBytes / receipts };
    const row = 'bytes on disk per receipt, after a clean stop';
    const spec = { row, basis: 'bytes', unit: 'B', floorName: 'its JSON text' } as const;
    return [ratioRow({ ...spec, budget: atMost(1.4) }, [round])];
  },
};
