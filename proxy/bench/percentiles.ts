/** What a percentile of the proxied calls is of that of the direct ones, over the rounds. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  /** Milliseconds of every call, sorted. */
  readonly direct: readonly number[];
  readonly proxied: readonly number[];
  readonly ratios: Readonly<Record<'p50' | 'p95' | 'p99', Ratio>>;
}

/** The smallest value that so many in a hundred do not exceed (nearest rank). */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Compares rounds, each with its own direct calls: what slows the machine slows both sides. */
export function compare(
  direct: readonly (readonly number[])[],
  proxied: readonly (readonly number[])[],
): Comparison {
  const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  const ratioAt = (percent: number): Ratio => {
    const all = sorted(
      direct.map(
        (round, i) =>
          percentile(sorted(proxied[i] ?? []), percent) / percentile(sorted(round), percent),
      ),
    );
    return {
      median: percentile(all, 50),
      low: all[0] ?? Number.NaN,
      high: all.at(-1) ?? Number.NaN,
    };
  };
  return {
    direct: sorted(direct.flat()),
    proxied: sorted(proxied.flat()),
    ratios: { p50: ratioAt(50), p95: ratioAt(95), p99: ratioAt(99) },
  };
}
