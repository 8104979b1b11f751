import { accountFor } from '../account.ts';
import { startDaemon, storeFigures } from '../daemon.ts';
import { copier, openPath, proxy } from '../hops.ts';
import { ratioRow } from '../row.ts';
import { CallLine, KB } from '../stdio-path.ts';
import { pumpRounds, warmUp } from '../turns.ts';
import type { Bench } from './bench.ts';

const NOTIFICATIONS = 1000;
const CALLS = 20;

/** A server that talks while it works: nothing of it is ours to judge, all of it must come through. */
export const chatty: Bench = {
  name: 'chatty',
  title: `a call with ${NOTIFICATIONS} notifications`,
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const before = storeFigures(daemon.db);
    const paths = [await openPath(lab, copier), await openPath(lab, proxy(daemon.socket))] as const;
    for (const path of paths) await warmUp(path, KB);
    const lines = [new CallLine(KB, { notifications: NOTIFICATIONS })];
    const rounds = lab.size(4, 15);
    const [, taken] = await pumpRounds({ lines, calls: CALLS, rounds, daemon }, paths);
    const note = await accountFor(daemon, [paths[1]], before);
    for (const { notifications } of paths) {
      const sent = NOTIFICATIONS * CALLS * (rounds + 1);
      if (notifications !== sent) throw new Error(`${notifications} of ${sent} notifications came`);
    }
    await Promise.all(paths.map((path) => path.end()));
    await daemon.stop();
    const row = `a call with ${NOTIFICATIONS} notifications of 170 B`;
    const spec = { row, basis: 'wall', unit: 'ns', floorName: 'byte copier' } as const;
    const { wall = [], cpu = [] } = taken ?? {};
    return [ratioRow({ ...spec, ...(note !== undefined && { note }) }, wall, { cpu })];
  },
};
