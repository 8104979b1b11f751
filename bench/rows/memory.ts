import { setTimeout as sleep } from 'node:timers/promises';
import { filledStore, startDaemon, FIRST_RECEIPTS } from '../daemon.ts';
import { openPath, proxy } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { memoryOf, settle } from '../proc.ts';
import { atMost, differenceRow, ratioRow, type Round, type Row } from '../row.ts';
import { CallLine, KB, MB } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

const CALLS = 20_000;
const IN_FLIGHT = 16;
const LARGE_CALLS = 10;

/** What a proxy and a daemon weigh, against a Node that only waits. */
export const memory: Bench = {
  name: 'memory',
  title: 'memory of proxy and daemon',
  run: async (lab) => {
    const idle: Round[] = [];
    const worked: Round[] = [];
    const peak: Round[] = [];
    for (let i = 0; i < lab.size(2, 6); i += 1) {
      const floor = await bareNodeMb(lab);
      const mb = await proxyMb(lab);
      idle.push({ floor, measured: mb.idle });
      worked.push({ floor, measured: mb.worked });
      peak.push({ floor, measured: mb.peak });
    }
    const spec = { basis: 'memory', unit: 'MB', floorName: 'bare node' } as const;
    return [
      differenceRow({ ...spec, row: 'proxy RSS, idle', budget: atMost(10) }, idle),
      differenceRow(
        { ...spec, row: `proxy RSS after ${CALLS} calls of 1 KB`, budget: atMost(20) },
        worked,
      ),
      differenceRow({ ...spec, row: 'proxy peak RSS, calls of 5 MB', budget: atMost(100) }, peak),
      ...(await daemonRows(lab)),
    ];
  },
};

async function bareNodeMb(lab: Lab): Promise<number> {
  const child = lab.spawnPiped(['-e', 'setInterval(() => {}, 1e9)']);
  await sleep(300);
  const { rssMb } = memoryOf(child.pid);
  child.kill('SIGKILL');
  return rssMb;
}

async function proxyMb(lab: Lab) {
  const daemon = await startDaemon(lab);
  const small = await openPath(lab, proxy(daemon.socket));
  await settle(small.pid, daemon.child.pid);
  const idle = memoryOf(small.pid).rssMb;
  const lines = Array.from({ length: IN_FLIGHT }, () => new CallLine(KB));
  await small.pump(lines, CALLS);
  await settle(small.pid, daemon.child.pid);
  const worked = memoryOf(small.pid).rssMb;
  await small.end();

  // A process of its own: the peak would otherwise be on top of what the calls before left.
  const large = await openPath(lab, proxy(daemon.socket));
  const line = new CallLine(5 * MB);
  for (let i = 0; i < LARGE_CALLS; i += 1) {
    await large.call(line);
    await sleep(20);
  }
  await settle(large.pid, daemon.child.pid);
  const peak = memoryOf(large.pid).peakMb;
  await large.end();
  await daemon.stop();
  return { idle, worked, peak };
}

async function daemonRows(lab: Lab): Promise<readonly Row[]> {
  const floor = await bareNodeMb(lab);
  const receipts = lab.size(20_000, 200_000);
  const { rssAfterFirstMb, rssAfterAllMb } = await filledStore(lab, receipts);
  const spec = { basis: 'memory', unit: 'MB' } as const;
  const row = `daemon RSS after ${receipts} receipts`;
  const note = 'promised for 1 M receipts';
  return [
    ratioRow({ ...spec, row, floorName: `after ${FIRST_RECEIPTS}`, budget: atMost(1.2), note }, [
      { floor: rssAfterFirstMb, measured: rssAfterAllMb },
    ]),
    ratioRow({ ...spec, row, floorName: 'bare node', budget: atMost(2.5), note }, [
      { floor, measured: rssAfterAllMb },
    ]),
  ];
}
