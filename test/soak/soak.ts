import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { mulberry32 } from '../crash/random.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { Upstream } from './upstream.ts';
import { stdioLine } from './stdio-line.ts';
import { httpLine, Visitor, type Line, type Made } from './visitor.ts';

const PROXY = join(process.cwd(), 'dist/mcp-proxy.cjs');
const REPORTER = join(process.cwd(), 'test/soak/report-resources.cjs');
const RULES = 'rules: [{name: no, tool_pattern: blocked, action: block}]\n';

export interface SoakPlan {
  /** `serve-http`: clients by HTTP; `-url`: one client on standard input and output. */
  readonly through: 'serve-http' | '-url';
  readonly visitors: number;
  readonly seconds: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

/** What the proxy holds at one moment. */
export interface Held {
  readonly heapMb: number;
  /** 0 where the platform does not tell. */
  readonly descriptors: number;
  readonly resources: Readonly<Record<string, number>>;
}

export interface SoakReport {
  readonly calls: number;
  /** How the makers of the calls saw them end. */
  readonly ways: Readonly<Record<string, number>>;
  /** Receipts by outcome. */
  readonly recorded: Readonly<Record<string, number>>;
  /** After a first load, and after the last. */
  readonly before: Held;
  readonly after: Held;
  readonly faults: readonly string[];
}

/** The part of the time that is there to fill pools and compile code. */
const WARM_UP = 0.2;
/** A quarter of a kilobyte for each of the calls of five minutes. */
const MAX_GROWTH_MB = 10;
/** Connections and timers of the load end within this time, or they have been left behind. */
const QUIET_MS = 30_000;

/**
 * Many clients call a slow server through the proxy, and hang up on it. Afterwards the
 * proxy holds what it held before, and every call has one receipt that says how it ended.
 */
export async function soak({
  through,
  visitors,
  seconds,
  seed,
  log,
}: SoakPlan): Promise<SoakReport> {
  const say = log ?? (() => undefined);
  const home = new DaemonHome();
  const upstream = new Upstream();
  let proxy: Proxy | undefined;
  try {
    const daemon = await home.start({ flags: ['-chain-id', 'soak'] });
    proxy = await Proxy.start(through, await upstream.start(), home);
    const made: Made[] = [];
    const load = async (name: string, ms: number) => {
      const until = Date.now() + ms;
      const { openLine } = proxy as Proxy;
      const all = Array.from({ length: visitors }, (_, n) => {
        const random = mulberry32(seed + n);
        const isModern = n % 2 === 0;
        const keep = (call: Made) => void made.push(call);
        return new Visitor({ line: openLine(), name: `${name}${n}`, isModern, random, made: keep });
      });
      await Promise.all(all.map((visitor) => visitor.work(() => Date.now() > until)));
    };
    await load('warm', seconds * 1000 * WARM_UP);
    const before = await proxy.settled(upstream, undefined);
    say(`warm: ${made.length} calls, ${JSON.stringify(before)}`);
    await load('load', seconds * 1000 * (1 - WARM_UP));
    const after = await proxy.settled(upstream, before);
    say(`done: ${made.length} calls, ${JSON.stringify(after)}`);
    const code = await proxy.end();
    await daemon.stop();
    const receipts = readReceipts(home.db);
    const faults = [...heldFaults(before, after), ...receiptFaults(made, receipts)];
    if (code !== 0) faults.push(`the proxy ended with ${code}`);
    return {
      calls: made.length,
      ways: countBy(made, ({ way, saw }) => `${way}: ${saw}`),
      recorded: countBy(receipts, ({ status }) => status),
      before,
      after,
      faults,
    };
  } finally {
    proxy?.kill();
    upstream.close();
    await home.remove();
  }
}

class Proxy {
  readonly #child: ChildProcess;
  readonly #isHttp: boolean;
  /** The way of a client to it. */
  readonly openLine: () => Line;

  private constructor(child: ChildProcess, isHttp: boolean, openLine: () => Line) {
    this.#child = child;
    this.#isHttp = isHttp;
    this.openLine = openLine;
  }

  static async start(
    through: SoakPlan['through'],
    upstream: string,
    home: DaemonHome,
  ): Promise<Proxy> {
    const rules = join(home.root, 'rules.yaml');
    writeFileSync(rules, RULES);
    const isHttp = through === 'serve-http';
    const where = isHttp
      ? ['serve-http', '-upstream', upstream, '-listen', '127.0.0.1:0']
      : ['-url', upstream];
    const flags = ['-name', 'soak', '-rules', rules, '-socket', home.socket, '-pins', ''];
    const node = ['--expose-gc', '--require', REPORTER, PROXY];
    const child = spawn(process.execPath, [...node, ...where, ...flags], {
      env: home.env,
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    const found = said(child, isHttp ? /^\{"event":"listening".*\}$/m : /session .*, server soak/);
    const line = await found;
    if (isHttp) {
      const { url } = JSON.parse(line) as { url: string };
      return new Proxy(child, isHttp, () => httpLine(url));
    }
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new TypeError('no pipes');
    const shared = stdioLine(stdin, stdout);
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };
    const id = shared.nextId();
    const plain = { isModern: false, sessionId: undefined, headers: {}, hangUpAfterMs: undefined };
    await shared.send({ jsonrpc: '2.0', id, method: 'initialize', params }, plain);
    return new Proxy(child, isHttp, () => shared);
  }

  /** What it holds once it holds no more than `before`, or will not get there. */
  async settled(upstream: Upstream, before: Held | undefined): Promise<Held> {
    const until = Date.now() + QUIET_MS;
    let last = await this.#held();
    for (;;) {
      upstream.closeIdle();
      await pause(250);
      const held = await this.#held();
      const isQuiet = JSON.stringify(held.resources) === JSON.stringify(last.resources);
      const isBack = heldFaults(before ?? last, held).length === 0;
      if ((isQuiet && isBack && socketsOf(held) === 0) || Date.now() > until) return held;
      last = held;
    }
  }

  async end(): Promise<number | null> {
    const exit = once(this.#child, 'exit') as Promise<[number | null]>;
    // A client on standard input ends it so; a listener has nobody who could.
    if (this.#isHttp) this.#child.kill('SIGTERM');
    else this.#child.stdin?.end();
    return (await exit)[0];
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #held(): Promise<Held> {
    const answer = once(this.#child, 'message') as Promise<[Held]>;
    this.#child.send('report');
    return (await answer)[0];
  }
}

/** What it says on standard error, up to a line that is waited for, and read to the end. */
function said(child: ChildProcess, wanted: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the proxy ended: ${text}`)));
    // A full pipe would stop the proxy.
    child.stderr?.on('data', (chunk: Buffer) => {
      if (text.length < 10_000) text += chunk.toString();
      const [line] = wanted.exec(text) ?? [];
      if (line !== undefined) resolve(line);
    });
  });
}

function socketsOf({ resources }: Held): number {
  return resources['TCPSocketWrap'] ?? 0;
}

/** What is held afterwards and was not before. */
function heldFaults(before: Held, after: Held): readonly string[] {
  const faults: string[] = [];
  for (const [name, count] of Object.entries(after.resources)) {
    const had = before.resources[name] ?? 0;
    if (count > had) faults.push(`${name}: ${had} before, ${count} after`);
  }
  if (after.descriptors > before.descriptors) {
    faults.push(`descriptors: ${before.descriptors} before, ${after.descriptors} after`);
  }
  const growth = after.heapMb - before.heapMb;
  if (growth > MAX_GROWTH_MB) faults.push(`the heap has grown by ${growth.toFixed(1)} MB`);
  return faults;
}

interface Recorded {
  readonly marker: string;
  readonly status: string;
}

/** Column by column: whole receipts of half an hour would not fit. */
function readReceipts(path: string): readonly Recorded[] {
  const db = new Database(path, { readonly: true });
  try {
    const marker = `json_extract(receipt_json, '$.credentialSubject.correlation_id')`;
    const sql = `SELECT ${marker} AS marker, status FROM receipts WHERE marker IS NOT NULL`;
    return db.prepare(sql).all() as Recorded[];
  } finally {
    db.close();
  }
}

/** An answer that somebody saw is a success; whoever broke off, nobody knows how it ended. */
const STATUS_OF: Readonly<Record<Made['way'], string>> = {
  json: 'success',
  events: 'success',
  never: 'pending',
  breaks: 'pending',
  blocked: 'failure',
};

function receiptFaults(made: readonly Made[], receipts: readonly Recorded[]): readonly string[] {
  const byMarker = new Map<string, string[]>();
  for (const { marker, status } of receipts) {
    const known = byMarker.get(marker);
    if (known === undefined) byMarker.set(marker, [status]);
    else known.push(status);
  }
  const faults = made.flatMap(({ marker, way, saw }) => {
    const found = byMarker.get(marker) ?? [];
    byMarker.delete(marker);
    // Who hangs up before the request has left has made no call.
    if (found.length === 0 && way === 'never') return [];
    const isRight = found.length === 1 && found[0] === STATUS_OF[way];
    return isRight ? [] : [`${marker} (${way}, saw ${saw}): recorded as ${found.join(', ')}`];
  });
  return [...faults, ...[...byMarker.keys()].map((marker) => `${marker}: nobody has made it`)];
}

function countBy<T>(all: readonly T[], key: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of all) counts[key(one)] = (counts[key(one)] ?? 0) + 1;
  return counts;
}
