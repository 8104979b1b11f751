import type { OutcomeStatus } from '../shared/receipt/receipt.ts';

/** Upper bounds in seconds: an fsync is a fraction of a millisecond on one disk, many on another. */
const BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;

/** What one commit wrote. Counted while it is made, and counted for real once it is durable. */
export interface Tally {
  receipts: Record<OutcomeStatus, number>;
  dropped: number;
  /** Open calls that came into the journal or left it. */
  journalled: number;
}

export function emptyTally(): Tally {
  return { receipts: { success: 0, failure: 0, pending: 0 }, dropped: 0, journalled: 0 };
}

/** What a scrape asks the rest of the daemon for, at the moment of the scrape. */
export interface Gauges {
  readonly queued: number;
  readonly connections: number;
  readonly openCalls: number;
  readonly root: { readonly chainId: string; readonly sequence: number };
}

/** Plain counters, always on: they cost an addition each, with or without anybody who reads them. */
export class Metrics {
  readonly #receipts = emptyTally().receipts;
  readonly #buckets: number[] = BOUNDS.map(() => 0);
  #commits = 0;
  #commitSeconds = 0;
  #failedCommits = 0;
  #lastCommitFailed = false;
  #dropped = 0;
  #lost = 0;
  #accepted = 0;
  readonly #refused = new Map<string, number>();

  committed({ receipts, dropped, journalled }: Tally, ms: number): void {
    // A transaction that wrote nothing shows nothing either.
    if (receipts.success + receipts.failure + receipts.pending + journalled === 0) return;
    this.#receipts.success += receipts.success;
    this.#receipts.failure += receipts.failure;
    this.#receipts.pending += receipts.pending;
    this.#dropped += dropped;
    this.#commits += 1;
    this.#commitSeconds += ms / 1000;
    const bucket = BOUNDS.findIndex((bound) => ms / 1000 <= bound);
    if (bucket !== -1) this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#lastCommitFailed = false;
  }

  commitFailed(): void {
    this.#failedCommits += 1;
    this.#lastCommitFailed = true;
  }

  /** Frames that no receipt and no reply speaks of. */
  lost(count: number): void {
    this.#lost += count;
  }

  refused(code: string, count = 1): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + count);
  }

  accepted(): void {
    this.#accepted += 1;
  }

  get isHealthy(): boolean {
    return !this.#lastCommitFailed;
  }

  /** Receipts and commits so far, for the line at the end of a run. */
  get stats(): string {
    const { success, failure, pending } = this.#receipts;
    return `receipts=${success + failure + pending} commits=${this.#commits}`;
  }

  /** The text format of Prometheus, version 0.0.4. */
  render({ queued, connections, openCalls, root }: Gauges, version: string): string {
    const text = new Exposition();
    text.family('obsigna_build_info', 'gauge', 'Version of the daemon.', [
      [{ version, node: process.versions.node }, 1],
    ]);
    text.family('obsigna_receipts_total', 'counter', 'Durable receipts by outcome.', [
      [{ status: 'success' }, this.#receipts.success],
      [{ status: 'failure' }, this.#receipts.failure],
      [{ status: 'pending' }, this.#receipts.pending],
    ]);
    text.family('obsigna_commits_total', 'counter', 'Durable transactions.', [[{}, this.#commits]]);
    text.family('obsigna_commit_failures_total', 'counter', 'Transactions that failed.', [
      [{}, this.#failedCommits],
    ]);
    const duration = 'obsigna_commit_duration_seconds';
    text.histogram(duration, 'Seal, write and fsync of a transaction.', {
      bounds: BOUNDS,
      buckets: this.#buckets,
      sum: this.#commitSeconds,
      count: this.#commits,
    });
    text.family('obsigna_queue_frames', 'gauge', 'Frames that wait for a commit.', [[{}, queued]]);
    text.family('obsigna_open_calls', 'gauge', 'Calls announced and not ended.', [[{}, openCalls]]);
    text.family('obsigna_connections', 'gauge', 'Open connections.', [[{}, connections]]);
    text.family('obsigna_connections_total', 'counter', 'Accepted connections.', [
      [{}, this.#accepted],
    ]);
    const refused = [...this.#refused].sort(([a], [b]) => (a < b ? -1 : 1));
    text.family(
      'obsigna_frames_refused_total',
      'counter',
      'Frames without a receipt, by error code.',
      refused.map(([code, count]) => [{ code }, count]),
    );
    text.family('obsigna_events_dropped_total', 'counter', 'Drops that emitters reported.', [
      [{}, this.#dropped],
    ]);
    text.family('obsigna_frames_lost_total', 'counter', 'Frames refused without a reply.', [
      [{}, this.#lost],
    ]);
    text.family('obsigna_chain_last_sequence', 'gauge', 'Last durable receipt of the root chain.', [
      [{ chain: root.chainId }, root.sequence],
    ]);
    return text.toString();
  }
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

interface Histogram {
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  readonly sum: number;
  readonly count: number;
}

class Exposition {
  #lines: string[] = [];

  family(name: string, type: string, help: string, samples: readonly Sample[]): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) this.#sample(name, labels, value);
  }

  histogram(name: string, help: string, { bounds, buckets, sum, count }: Histogram): void {
    this.family(name, 'histogram', help, []);
    let below = 0;
    for (const [at, bound] of bounds.entries()) {
      below += buckets[at] ?? 0;
      this.#sample(`${name}_bucket`, { le: String(bound) }, below);
    }
    this.#sample(`${name}_bucket`, { le: '+Inf' }, count);
    this.#sample(`${name}_sum`, {}, sum);
    this.#sample(`${name}_count`, {}, count);
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    this.#lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** A chain id is the operator's text: it may hold anything. */
function escape(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
