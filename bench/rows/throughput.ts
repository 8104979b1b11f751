import { accountFor } from '../account.ts';
import { startDaemon, storeFigures } from '../daemon.ts';
import { cpuNs, settle } from '../proc.ts';
import { atLeast, ratioRow, type Budget, type Round, type Row } from '../row.ts';
import { CallLine, KB, openPath } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

const IN_FLIGHT = 32;

interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly calls: number;
  readonly budget: Budget;
}

const SIZES: readonly Size[] = [
  { name: '1 KB', bytes: KB, calls: 4000, budget: atLeast(0.4) },
  { name: '100 KB', bytes: 100 * KB, calls: 300, budget: atLeast(0.3) },
];

/** As fast as it goes, with the daemon on the same cores: the worst an agent can do to us. */
export const throughput: Bench = {
  name: 'throughput',
  title: 'proxy throughput, 32 in flight',
  run: async (lab) => {
    const daemon = await startDaemon(lab);
    const rows: Row[] = [];
    for (const { name, bytes, calls: count, budget } of SIZES) {
      const lines = Array.from({ length: IN_FLIGHT }, () => new CallLine(bytes));
      const before = storeFigures(daemon.db);
      const copier = await openPath(lab, 'copier', undefined);
      const proxy = await openPath(lab, 'proxy', daemon);
      const wall: Round[] = [];
      const cpu: Round[] = [];
      const take = async (path: typeof proxy) => {
        const cpuBefore = cpuNs(path.pid);
        const wallNs = await path.pump(lines, count);
        await settle(path.pid, daemon.child.pid); // the reports of this round are not the next one's
        return { rate: (count / wallNs) * 1e9, cpuNs: (cpuNs(path.pid) - cpuBefore) / count };
      };
      for (let i = 0; i <= lab.size(6, 20); i += 1) {
        const floor = await take(copier);
        const measured = await take(proxy);
        if (i === 0) continue; // warm-up
        wall.push({ floor: floor.rate, measured: measured.rate });
        cpu.push({ floor: floor.cpuNs, measured: measured.cpuNs });
      }
      const note = await accountFor(daemon, proxy, before);
      await Promise.all([copier.end(), proxy.end()]);
      const row = `calls per second, 32 in flight, ${name}`;
      const spec = { row, basis: 'wall', unit: '/s', floorName: 'byte copier' } as const;
      const full = { ...spec, budget, ...(note !== undefined && { note }) };
      rows.push(ratioRow(full, wall, { 'cpu per call': cpu }));
    }
    await daemon.stop();
    return rows;
  },
};
