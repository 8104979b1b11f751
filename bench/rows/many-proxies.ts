import { accountFor } from '../account.ts';
import { startDaemon, storeFigures } from '../daemon.ts';
import { copier, openPath, proxy, type Hop } from '../hops.ts';
import type { Lab } from '../lab.ts';
import { cpuNs, settle } from '../proc.ts';
import { ratioRow, type Round, type Row } from '../row.ts';
import { CallLine, KB, type StdioPath } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

const PROXIES = [1, 8, 50] as const;
/** Of a round, all proxies together. */
const CALLS = 1000;

/** As many agents as a busy machine has, all calling at once, and one daemon for them all. */
export const manyProxies: Bench = {
  name: 'proxies',
  title: 'many proxies on one daemon',
  isLong: true,
  run: async (lab) => {
    const rows: Row[] = [];
    for (const count of PROXIES) rows.push(...(await rowsOfProxies(lab, count)));
    return rows;
  },
};

async function rowsOfProxies(lab: Lab, count: number): Promise<readonly Row[]> {
  const daemon = await startDaemon(lab);
  const before = storeFigures(daemon.db);
  const copiers = await openMany(lab, copier, count);
  const proxies = await openMany(lab, proxy(daemon.socket), count);
  const wall: Round[] = [];
  const cpu: Round[] = [];
  const daemonCpu: Round[] = [];
  for (let i = 0; i <= lab.size(2, 12); i += 1) {
    const floor = await takeAll(copiers);
    const daemonBefore = cpuNs(daemon.child.pid);
    const measured = await takeAll(proxies, daemon.child.pid);
    const daemonNs = (cpuNs(daemon.child.pid) - daemonBefore) / CALLS;
    if (i === 0) continue; // warm-up
    wall.push({ floor: floor.wallNs, measured: measured.wallNs });
    cpu.push({ floor: floor.cpuNs, measured: measured.cpuNs });
    daemonCpu.push({ floor: floor.cpuNs, measured: daemonNs });
  }
  // Counted, not sampled: one receipt for each call of each proxy.
  const note = await accountFor(daemon, proxies, before);
  await Promise.all([...copiers, ...proxies].map((path) => path.end()));
  await daemon.stop();
  const spec = {
    unit: 'ns',
    floorName: count === 1 ? 'byte copier' : `${count} byte copiers`,
    ...(note !== undefined && { note }),
  } as const;
  const name = `${count} ${count === 1 ? 'proxy' : 'proxies'} on one daemon`;
  return [
    ratioRow({ ...spec, basis: 'wall', row: `${name}, time per call` }, wall, { cpu }),
    ratioRow({ ...spec, basis: 'cpu', row: `${name}, daemon's CPU per call` }, daemonCpu),
  ];
}

async function openMany(lab: Lab, hop: Hop, count: number): Promise<readonly StdioPath[]> {
  const paths: StdioPath[] = [];
  for (let i = 0; i < count; i += 1) paths.push(await openPath(lab, hop, tinyServer()));
  return paths;
}

/** Everybody calls, one call at a time each; nanoseconds per call, of the clock and of the processes. */
async function takeAll(paths: readonly StdioPath[], ...others: readonly number[]) {
  const pids = paths.map(({ pid }) => pid);
  const sum = () => pids.reduce((total, pid) => total + cpuNs(pid), 0);
  const before = sum();
  const start = process.hrtime.bigint();
  await Promise.all(paths.map((path) => path.pump([new CallLine(KB)], CALLS / paths.length)));
  const wallNs = Number(process.hrtime.bigint() - start);
  await settle(...pids, ...others);
  return { wallNs: wallNs / CALLS, cpuNs: (sum() - before) / CALLS };
}

/**
 * Answers as the echo server does, in a process of one megabyte: fifty of the other would be what the
 * row measures. It knows two lengths of call by heart.
 */
function tinyServer(): readonly string[] {
  const script = [new CallLine(16), new CallLine(KB)].map((line) => {
    const tail = line.answer(10_000_000).toString().trimEnd().split('"id":10000000')[1] ?? '';
    const escaped = tail.replaceAll(/[\\&/]/g, '\\$&');
    const call = `^{"jsonrpc":"2.0","id":\\([0-9]*\\),"method":"tools\\/call","params":{"name":"read_${line.size}".*$`;
    return `s/${call}/{"jsonrpc":"2.0","id":\\1${escaped}/p`;
  });
  const greeting = 's/^{"jsonrpc":"2.0","id":1,.*$/{"jsonrpc":"2.0","id":1,"result":{}}/p';
  return ['sed', '-u', '-n', ...[...script, greeting].flatMap((it) => ['-e', it])];
}
