import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { frameBody } from '../emitter/frame-body.ts';
import { jsonText } from '../emitter/report.ts';
import { isJsonObject, type JsonValue } from '../shared/json/value.ts';
import { signedText } from '../shared/receipt/hash.ts';
import { encodeFrame } from '../shared/wire/frame.ts';
import { cleanEnvironment, Helper, type Child, type Lab, type LoadAnswer } from './lab.ts';
import { memoryOf, Unmeasurable } from './proc.ts';

/** A real daemon with a store and a key of its own. */
export interface BenchDaemon {
  readonly child: Child;
  readonly folder: string;
  readonly socket: string;
  readonly db: string;
  readonly publicKey: string;
  stop(): Promise<void>;
}

/** Files and environment of a daemon that has not been started. */
export interface DaemonHome {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

export function makeDaemonHome(lab: Lab, folder = lab.newFolder()): DaemonHome {
  const { socket, db, key } = placesOf({ folder });
  const env = {
    ...cleanEnvironment(),
    XDG_RUNTIME_DIR: folder,
    XDG_DATA_HOME: folder,
    AGENTRECEIPTS_SOCKET: socket,
    AGENTRECEIPTS_DB: db,
    AGENTRECEIPTS_KEY: key,
    AGENTRECEIPTS_CHAIN_ID: 'bench',
  };
  lab.run([...lab.program('obsigna-daemon'), '-init'], env);
  return { folder, env };
}

/** Where a daemon of that home finds what is its own, also one that knows nothing of ours. */
export function placesOf({ folder }: Pick<DaemonHome, 'folder'>) {
  return {
    socket: join(folder, 'run', 'events.sock'),
    db: join(folder, 'receipts.db'),
    key: join(folder, 'signing.key'),
  };
}

/** Starts a daemon; resolves when it says that it listens. */
export async function startDaemon(lab: Lab, home = makeDaemonHome(lab)): Promise<BenchDaemon> {
  const { folder, env } = home;
  const program = lab.program('obsigna-daemon');
  const child = lab.spawn(
    [...program, '-shutdown-deadline', '5s'],
    ['ignore', 'ignore', 'pipe'],
    env,
  );
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      if (log.length < 10_000) log += chunk.toString();
      if (log.includes('listening on')) resolve();
    });
    child.once('exit', () => reject(new Error(`the daemon did not start: ${log}`)));
  });
  const stop = async () => {
    if (child.exitCode !== null) throw new Error('the daemon ended by itself');
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  const { socket, db } = placesOf({ folder });
  return { child, folder, socket, db, publicKey: join(folder, 'signing.key.pub'), stop };
}

/** Emitters in a process of their own, connected to `daemon`. */
export class Load {
  readonly #helper: Helper;

  constructor(lab: Lab, daemon: BenchDaemon) {
    const file = join(daemon.folder, 'frame.bin');
    writeFileSync(file, eventFrame());
    this.#helper = new Helper(lab, 'emitters.mjs', [daemon.socket, file]);
  }

  /** `receipts` acknowledged receipts from that many emitters, each waiting for its own. */
  run(emitters: number, receipts: number, latencies = false): Promise<LoadAnswer> {
    return this.#helper.ask({ emitters, receipts, latencies });
  }

  end(): Promise<void> {
    return this.#helper.end();
  }
}

/** Ten digits that the load generator replaces, here and in the id of the call. */
const PLACEHOLDER = 1_000_000_000;

/** One report of a small tool call, encoded by the product's own emitter. */
function eventFrame(): Buffer {
  const sessionId = '8f14e45f-ceea-467f-9d7c-2f6f0e1a3b5d';
  const identity = { sessionId, issuerName: 'claude-code', operatorId: 'did:web:anthropic.com' };
  const report = {
    channel: 'mcp',
    tool: { server: 'files', name: 'read_file' },
    decision: 'allowed',
    input: jsonText({ path: '/srv/project/src/main.ts', head: 40, encoding: 'utf-8' }),
    output: jsonText({
      content: [{ type: 'text', text: 'import { readFileSync } from "node:fs";\n'.repeat(10) }],
      isError: false,
    }),
    idempotencyKey: `${sessionId}/${PLACEHOLDER}`,
    decisionContext: {
      action: 'pass',
      risk: { score: 0, reasons: [] },
      policy_digest: `sha256:${'ab'.repeat(32)}`,
    },
  } as const;
  const call = { call_id: String(PLACEHOLDER) };
  const body = frameBody(identity, report, PLACEHOLDER, new Date(), { call });
  return encodeFrame([Buffer.from('{'), body]);
}

/** The same report as an emitter of the plain protocol sends it: one frame, and no reply is asked for. */
export function plainFrame(): Buffer {
  const frame = {
    v: '1',
    ts_emit: '2026-11-20T12:00:00.000000000Z',
    session_id: '8f14e45f-ceea-467f-9d7c-2f6f0e1a3b5d',
    channel: 'mcp',
    tool: { server: 'files', name: 'read_file' },
    decision: 'allowed',
    input: { path: '/srv/project/src/main.ts', head: 40, encoding: 'utf-8' },
    output: {
      content: [{ type: 'text', text: 'import { readFileSync } from "node:fs";\n'.repeat(10) }],
      isError: false,
    },
  };
  return encodeFrame([Buffer.from(JSON.stringify(frame))]);
}

/** Offset of `iChange` in the wal-index: SQLite adds one for every transaction that is committed. */
const COMMIT_COUNTER_OFFSET = 8;

/**
 * Commits of a store so far, modulo 2^32: exact, from outside, and at no cost to the daemon, because
 * the wal-index is a file that every connection shares.
 *
 * @see SQLite file format, "The WAL-Index File Format", field iChange
 */
export function commitCount(db: string): number {
  const fd = openSync(`${db}-shm`, 'r');
  try {
    const word = new Uint32Array(1); // the file is in the machine's own byte order
    readSync(fd, word, 0, 4, COMMIT_COUNTER_OFFSET);
    return word[0] as number;
  } finally {
    closeSync(fd);
  }
}

/** A store that a daemon filled and closed, and what that daemon weighed on the way. */
export interface FilledStore {
  readonly db: string;
  readonly publicKey: string;
  readonly receipts: number;
  readonly rssAfterFirstMb: number;
  readonly rssAfterAllMb: number;
}

export const FIRST_RECEIPTS = 1000;

/** Fills a store through the socket, as emitters do; one per size in a run. */
export function filledStore(lab: Lab, receipts: number): Promise<FilledStore> {
  return lab.shared(`store of ${receipts}`, async () => {
    const daemon = await startDaemon(lab);
    const load = new Load(lab, daemon);
    await load.run(64, FIRST_RECEIPTS);
    const rssAfterFirstMb = rssOrNaN(daemon.child.pid);
    if (receipts > FIRST_RECEIPTS) await load.run(64, receipts - FIRST_RECEIPTS);
    const rssAfterAllMb = rssOrNaN(daemon.child.pid);
    await load.end();
    await daemon.stop();
    const { db, publicKey } = daemon;
    return { db, publicKey, receipts, rssAfterFirstMb, rssAfterAllMb };
  });
}

/** The store is of use also where memory cannot be read. */
function rssOrNaN(pid: number): number {
  try {
    return memoryOf(pid).rssMb;
  } catch (error) {
    if (error instanceof Unmeasurable) return Number.NaN;
    throw error;
  }
}

export interface StoredText {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The first receipts of the root chain, as a reader gets them. */
export function readReceipts(db: string, limit: number): readonly StoredText[] {
  const store = new Database(db, { readonly: true });
  try {
    const sql = "SELECT * FROM receipts WHERE chain_id = 'bench' ORDER BY sequence LIMIT ?";
    return (store.prepare(sql).all(limit) as Record<string, unknown>[]).map((row) => {
      const { receipt_json: text, ...columns } = row;
      return { columns, text: text as string };
    });
  } finally {
    store.close();
  }
}

export interface StoreFigures {
  readonly receipts: number;
  /** Receipts that stand for one tool call each. */
  readonly calls: number;
  /** Calls that an emitter could not report, and that the store counts. */
  readonly dropped: number;
  readonly textBytes: number;
  readonly fileBytes: number;
}

/** Sums over a whole store; also while a daemon writes it. */
export function storeFigures(db: string): StoreFigures {
  const store = new Database(db, { readonly: true });
  try {
    const dropCount = `json_extract(receipt_json, '$.credentialSubject.action.emitter_metadata.drop_count')`;
    const sql = `SELECT count(*) AS receipts,
      coalesce(sum(length(CAST(receipt_json AS BLOB))), 0) AS textBytes,
      coalesce(sum(action_type LIKE 'mcp.%'), 0) AS calls,
      coalesce(sum(${dropCount}), 0) AS dropped
      FROM receipts`;
    const sums = store.prepare(sql).get() as Omit<StoreFigures, 'fileBytes'>;
    return { ...sums, fileBytes: statSync(db).size };
  } finally {
    store.close();
  }
}

/** Writes the bytes that a receipt's signature covers to a file, for the floors. */
export function writeSignedBytes(db: string, path: string): number {
  const text = readReceipts(db, 50).at(-1)?.text ?? '';
  const value = JSON.parse(text) as JsonValue;
  if (!isJsonObject(value)) throw new Error(`no receipts in ${db}`);
  const bytes = Buffer.from(signedText(value));
  writeFileSync(path, bytes);
  return bytes.length;
}
