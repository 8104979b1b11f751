import { startDaemon } from '../daemon.ts';
import { ratioRow, type Round } from '../row.ts';
import type { Bench } from './bench.ts';
import { bareNode, startOfProxy } from './start.ts';

/** The first start behind an installation, which compiles everything, and the one behind it. */
export const coldStart: Bench = {
  name: 'cold-start',
  title: 'start of the proxy with and without compiled code',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const cold: Round[] = [];
    const warm: Round[] = [];
    for (let i = 0; i <= lab.size(8, 30); i += 1) {
      const bare = await bareNode(lab);
      lab.forgetCompiledCode();
      const first = await startOfProxy(lab, daemon);
      const second = await startOfProxy(lab, daemon);
      if (i === 0) continue; // reads the files from the disk
      cold.push({ floor: bare.wallNs, measured: first.wallNs });
      warm.push({ floor: bare.wallNs, measured: second.wallNs });
    }
    await daemon.stop();
    const spec = { basis: 'wall', unit: 'ns', floorName: 'node -e 0' } as const;
    return [
      ratioRow({ ...spec, row: 'start to first message through, proxy, nothing compiled' }, cold),
      ratioRow({ ...spec, row: 'the same, the start behind it' }, warm),
    ];
  },
};
