import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, expect, test } from 'vitest';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord, verifyRecord } from '../fixtures/daemon-record.ts';
import { mulberry32 } from './random.ts';
import { cutWal, outlineWal, type WalOutline } from './wal.ts';

const seed = Number(process.env['OBSIGNA_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const random = mulberry32(seed);

const home = new DaemonHome();
afterAll(() => home.remove());

/** The disk at one instant, and what had been acknowledged by then. */
interface Snapshot {
  readonly db: Buffer;
  readonly wal: Buffer;
  readonly outline: WalOutline;
  /** Calls whose receipt was acknowledged, and calls whose intent was. */
  readonly acknowledged: ReadonlySet<string>;
  readonly announced: ReadonlySet<string>;
}

/** What a store holds after the lights went out and came back. */
interface Survivors {
  readonly recorded: ReadonlySet<string>;
  readonly open: ReadonlySet<string>;
}

const CALLS = 60;
/** The disk as the killed daemon left it. */
let last: Snapshot;

test(
  `[P1.power-cut] what was acknowledged survives, wherever the log is cut (OBSIGNA_SEED=${seed})`,
  { timeout: 120_000 },
  async () => {
    const snapshots = await collect();
    last = snapshots.at(-1) as Snapshot;
    const generations = new Set(snapshots.map(({ outline }) => outline.generation));
    expect(generations.size).toBeGreaterThan(2); // the log has started again in between
    let cuts = 0;
    for (const snapshot of snapshots.filter((_, i) => isLastOfGeneration(snapshots, i))) {
      for (let frames = 0; frames <= snapshot.outline.frames; frames += 1) {
        cuts += 1;
        // Each of these was on disk when its reply came: the log was not longer then.
        const before = snapshots.filter(({ outline }) => isWithin(outline, snapshot, frames));
        const known = [...before, ...earlier(snapshots, snapshot)].at(-1);
        const survivors = recover(snapshot, cutWal(snapshot.wal, snapshot.outline, frames));
        for (const marker of known?.acknowledged ?? []) {
          expect(survivors.recorded, `${marker}, cut at ${frames}`).toContain(marker);
        }
        for (const marker of known?.announced ?? []) {
          const isThere = survivors.recorded.has(marker) || survivors.open.has(marker);
          expect(isThere, `${marker} was announced, cut at ${frames}`).toBe(true);
        }
      }
    }
    expect(cuts).toBeGreaterThan(100);
  },
);

test('[P1.power-cut] a checkpoint that was cut short loses nothing', async () => {
  const db = new Database(home.db); // what the daemon does when it is idle
  db.pragma('wal_checkpoint(PASSIVE)');
  db.close();
  const after = readFileSync(home.db);
  const pageBytes = after.readUInt16BE(16);
  const whole = recover(last, last.wal);
  for (let n = 0; n < 20; n += 1) {
    // Any part of its pages may have reached the disk; the log is still there in full.
    const torn = Buffer.from(after);
    for (let at = 0; at + pageBytes <= last.db.length; at += pageBytes) {
      if (random() < 0.5) last.db.copy(torn, at, at, at + pageBytes);
    }
    expect(recover({ ...last, db: torn }, last.wal)).toEqual(whole);
  }
});

test('[P1.power-cut] a daemon goes on from such a disk', async () => {
  const frames = Math.floor(random() * last.outline.frames);
  const wal = cutWal(last.wal, last.outline, frames);
  const survivors = recover(last, wal);
  layOut(last.db, wal); // as it was, not as the look at it has left it
  const daemon = await home.start({ flags: ['-db', RECOVERED] });
  const client = await RawClient.connect(home.socket);
  expect(await client.ask({ correlation_id: 'after', ack: 1 })).toMatchObject({ ok: true });
  await client.end();
  expect((await daemon.stop()).code).toBe(0);
  const { recorded } = judge();
  expect([...recorded]).toEqual(expect.arrayContaining([...survivors.recorded, 'after']));
});

const RECOVERED = join(home.root, 'recovered/receipts.db');

/** Calls are made one by one; after each reply the daemon is stopped and its files are copied. */
async function collect(): Promise<readonly Snapshot[]> {
  const daemon = await home.start({ flags: ['-chain-id', 'cut'] });
  const client = await RawClient.connect(home.socket);
  const snapshots: Snapshot[] = [];
  const acknowledged = new Set<string>();
  const announced = new Set<string>();
  const take = () => {
    process.kill(daemon.pid, 'SIGSTOP');
    snapshots.push(copyNow(acknowledged, announced));
    process.kill(daemon.pid, 'SIGCONT');
  };
  for (let n = 1; n <= CALLS; n += 1) {
    const call = { call_id: String(n), correlation_id: String(n) };
    const isHalf = random() < 0.5;
    if (isHalf) {
      await client.ask({ ...call, phase: 'intent', ack: n * 2 });
      announced.add(String(n));
      take();
    }
    if (random() < 0.8) {
      await client.ask({ ...call, ...(isHalf && { phase: 'outcome' }), ack: n * 2 + 1 });
      acknowledged.add(String(n));
      take();
    }
    if (n % 20 === 0) await pause(400); // idle for long enough to move the log into the database
  }
  await daemon.stop('SIGKILL');
  return snapshots;
}

function copyNow(acknowledged: Iterable<string>, announced: Iterable<string>): Snapshot {
  const wal = readFileSync(`${home.db}-wal`);
  return {
    db: readFileSync(home.db),
    wal,
    outline: outlineWal(wal),
    acknowledged: new Set(acknowledged),
    announced: new Set(announced),
  };
}

function isLastOfGeneration(snapshots: readonly Snapshot[], i: number): boolean {
  return snapshots[i]?.outline.generation !== snapshots[i + 1]?.outline.generation;
}

function isWithin(outline: WalOutline, cut: Snapshot, frames: number): boolean {
  return outline.generation === cut.outline.generation && outline.frames <= frames;
}

/** Of generations before this one: all of that is in the database by now. */
function earlier(snapshots: readonly Snapshot[], { outline }: Snapshot): readonly Snapshot[] {
  const first = snapshots.findIndex((each) => each.outline.generation === outline.generation);
  return first > 0 ? snapshots.slice(first - 1, first) : [];
}

/** Opens such a disk as the next program would, and reads what it holds. */
function recover({ db }: Snapshot, wal: Buffer): Survivors {
  layOut(db, wal);
  return judge();
}

function layOut(db: Buffer, wal: Buffer): void {
  rmSync(join(home.root, 'recovered'), { recursive: true, force: true });
  mkdirSync(join(home.root, 'recovered'));
  writeFileSync(RECOVERED, db);
  writeFileSync(`${RECOVERED}-wal`, wal);
}

function judge(): Survivors {
  if (!hasTables()) return { recorded: new Set(), open: new Set() };
  const record = readRecord(RECOVERED);
  for (const { result, error } of verifyRecord(record, home.publicPem()).values()) {
    expect({ result, error }).toEqual({ result: 'valid', error: undefined });
  }
  const opened = new Database(RECOVERED);
  expect(opened.pragma('quick_check', { simple: true })).toBe('ok');
  const calls = 'SELECT call_id FROM obsigna_open_calls';
  const open = new Set(opened.prepare(calls).pluck().all() as string[]);
  opened.close();
  const markers = record.map(({ receipt }) => receipt.credentialSubject.correlation_id);
  const recorded = new Set(markers.filter((marker) => marker !== undefined));
  // Never both: the receipt and the removal of the row are one transaction.
  expect([...open].filter((id) => recorded.has(id))).toEqual([]);
  return { recorded, open };
}

/** The very first transaction makes the tables: cut in front of it, nothing was ever there. */
function hasTables(): boolean {
  const db = new Database(RECOVERED);
  const tables = db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'receipts'");
  const isThere = tables.pluck().get() === 1;
  db.close();
  return isThere;
}
