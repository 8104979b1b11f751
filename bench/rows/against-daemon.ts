import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { makeDaemonHome, placesOf, plainFrame, startDaemon, type DaemonHome } from '../daemon.ts';
import { Helper, type Lab, type PipedChild } from '../lab.ts';
import { cpuNs, memoryOf, settle } from '../proc.ts';
import { ratioRow, type Round, type Row } from '../row.ts';
import { HopError } from '../stdio-path.ts';
import type { Bench } from './bench.ts';

const START_MS = 20_000;
const STANDSTILL_MS = 20_000;
const POLL_MS = 2;
const WARM_UP = 2048;

/** A daemon that runs, as far as the protocol goes: nobody is told when a receipt is there. */
interface PlainDaemon {
  readonly pid: number;
  readonly socket: string;
  readonly db: string;
}

interface Cost {
  readonly perSecond: number;
  readonly cpuNs: number;
}

/**
 * Another daemon of the protocol beside ours, fed the same frames in the same way. It never replies, so
 * what counts is what stands in the `receipts` table, whose schema the protocol fixes.
 */
export function againstDaemon(command: string): Bench {
  return {
    name: 'daemon',
    title: `daemon: ${command}`,
    run: async (lab) => {
      const theirs = await startOther(lab, command);
      const daemon = await startDaemon(lab);
      const ours = { ...daemon, pid: daemon.child.pid };
      const file = join(lab.folder, 'plain-frame.bin');
      writeFileSync(file, plainFrame());
      const load = new Helper(lab, 'plain-emitters.mjs', [file]);
      for (const it of [theirs, ours]) await take(load, it, 64, WARM_UP);
      const rows: Row[] = [];
      for (const [emitters, receipts] of [
        [1, 2000],
        [8, 4000],
        [64, 6400],
      ] as const) {
        rows.push(...(await compare(lab, load, { theirs, ours, emitters, receipts })));
      }
      rows.push(memoryRow(theirs, ours));
      await load.end();
      await daemon.stop();
      return rows;
    },
  };
}

/** With a home like ours, made by ours: folder, key, variables. */
async function startOther(lab: Lab, command: string): Promise<PlainDaemon> {
  const home = makeDaemonHome(lab);
  const places = placesOf(home);
  const filled = command.replaceAll(
    /\{(socket|db|key)\}/g,
    (_, name: keyof typeof places) => `'${places[name]}'`,
  );
  const child = lab.spawnShell(`exec ${filled}`, [], home.env);
  child.stdout.resume();
  for (let waitedMs = 0; !(await isListening(home)); waitedMs += 50) {
    const said = lab.complaintOf(child);
    const words = said === '' ? '' : `; it said: ${said}`;
    if (hasEnded(child)) throw new HopError(`--daemon: it ended (${endOf(child)})${words}`);
    if (waitedMs >= START_MS) {
      const what = `nobody listens on ${places.socket} after ${START_MS / 1000} s`;
      throw new HopError(`--daemon: ${what}${words}`);
    }
    await sleep(50);
  }
  return { pid: child.pid, ...places };
}

function hasEnded({ exitCode, signalCode }: PipedChild): boolean {
  return exitCode !== null || signalCode !== null;
}

function endOf({ exitCode, signalCode }: PipedChild): string {
  return signalCode ?? `exit ${exitCode}`;
}

function isListening(home: DaemonHome): Promise<boolean> {
  const { socket: path } = placesOf(home);
  return new Promise((resolve) => {
    const socket = connect(path);
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}

interface Comparison {
  readonly theirs: PlainDaemon;
  readonly ours: PlainDaemon;
  readonly emitters: number;
  readonly receipts: number;
}

async function compare(
  lab: Lab,
  load: Helper,
  { theirs, ours, emitters, receipts }: Comparison,
): Promise<readonly Row[]> {
  const rate: Round[] = [];
  const cpu: Round[] = [];
  for (let i = 0; i < lab.size(5, 15); i += 1) {
    const floor = await take(load, theirs, emitters, receipts);
    const measured = await take(load, ours, emitters, receipts);
    rate.push({ floor: floor.perSecond, measured: measured.perSecond });
    cpu.push({ floor: floor.cpuNs, measured: measured.cpuNs });
  }
  const many = `${emitters} ${emitters === 1 ? 'emitter' : 'emitters'}`;
  const spec = { floorName: 'theirs' } as const;
  const rateRow = `receipts per second, plain frames, ${many}: ours / theirs`;
  const cpuRow = `daemon CPU per receipt, plain frames, ${many}: ours / theirs`;
  return [
    ratioRow({ ...spec, row: rateRow, basis: 'wall', unit: '/s' }, rate),
    ratioRow({ ...spec, row: cpuRow, basis: 'cpu', unit: 'ns' }, cpu),
  ];
}

/** From the first frame until the last receipt stands in the database. */
async function take(
  load: Helper,
  { pid, socket, db }: PlainDaemon,
  emitters: number,
  receipts: number,
): Promise<Cost> {
  const count = openCounter(db);
  const before = count.receipts();
  const cpuBefore = cpuNs(pid);
  const start = process.hrtime.bigint();
  const sent = load.ask({ socket, emitters, receipts });
  let last = before;
  for (let standingMs = 0; last - before < receipts; standingMs += POLL_MS) {
    await sleep(POLL_MS);
    const now = count.receipts();
    if (now !== last) standingMs = 0;
    last = now;
    if (standingMs > STANDSTILL_MS) {
      throw new HopError(`--daemon: of ${receipts} frames ${now - before} became receipts`);
    }
  }
  const wallNs = Number(process.hrtime.bigint() - start);
  await sent;
  await settle(pid);
  const used = cpuNs(pid) - cpuBefore;
  count.close();
  return { perSecond: (receipts / wallNs) * 1e9, cpuNs: used / receipts };
}

/** Receipts so far, by the row id: no scan, so that asking costs the daemon nothing. */
function openCounter(path: string) {
  if (!existsSync(path)) return { receipts: () => 0, close: () => undefined };
  const db = new Database(path, { readonly: true });
  const newest = db.prepare('SELECT coalesce(max(rowid), 0) FROM receipts').pluck();
  return { receipts: () => newest.get() as number, close: () => void db.close() };
}

function memoryRow(theirs: PlainDaemon, ours: PlainDaemon): Row {
  const rss = ({ pid }: PlainDaemon) => memoryOf(pid).rssMb;
  const row = 'daemon RSS after all of these receipts: ours / theirs';
  return ratioRow({ row, basis: 'memory', unit: 'MB', floorName: 'theirs' }, [
    { floor: rss(theirs), measured: rss(ours) },
  ]);
}
