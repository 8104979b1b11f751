import { accountFor } from '../account.ts';
import { startDaemon, storeFigures } from '../daemon.ts';
import { copier, openPath, proxy } from '../hops.ts';
import { cpuNs, settle } from '../proc.ts';
import { atLeast, plainRow, ratioRow, type Budget, type Round, type Row } from '../row.ts';
import { CallLine, KB, type StdioPath } from '../stdio-path.ts';
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
      const floorPath = await openPath(lab, copier);
      const path = await openPath(lab, proxy(daemon.socket));
      const wall: Round[] = [];
      const cpu: Round[] = [];
      const daemonCores: number[] = [];
      const take = async (it: StdioPath) => {
        const cpuBefore = cpuNs(it.pid);
        const daemonBefore = cpuNs(daemon.child.pid);
        const wallNs = await it.pump(lines, count);
        await settle(it.pid, daemon.child.pid); // the reports of this round are not the next one's
        return {
          rate: (count / wallNs) * 1e9,
          cpuNs: (cpuNs(it.pid) - cpuBefore) / count,
          daemonNs: (cpuNs(daemon.child.pid) - daemonBefore) / count,
        };
      };
      for (let i = 0; i <= lab.size(6, 20); i += 1) {
        const floor = await take(floorPath);
        const measured = await take(path);
        if (i === 0) continue; // warm-up
        wall.push({ floor: floor.rate, measured: measured.rate });
        cpu.push({ floor: floor.cpuNs, measured: measured.cpuNs });
        daemonCores.push((measured.daemonNs * floor.rate) / 1e9);
      }
      const note = await accountFor(daemon, [path], before);
      await Promise.all([floorPath.end(), path.end()]);
      const row = `calls per second, 32 in flight, ${name}`;
      const spec = { row, basis: 'wall', unit: '/s', floorName: 'byte copier' } as const;
      const full = { ...spec, budget, ...(note !== undefined && { note }) };
      rows.push(ratioRow(full, wall, { 'cpu per call': cpu }));
      // What bounds the row above: receipts are signed and stored on the same cores.
      const cores = `cores that the daemon would need at the copier's rate, ${name}`;
      rows.push(
        plainRow({ ...spec, row: cores, basis: 'cpu', unit: '', floorName: '' }, daemonCores),
      );
    }
    await daemon.stop();
    return rows;
  },
};
