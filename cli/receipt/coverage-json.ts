import type { Coverage } from '../../shared/chain/coverage.ts';

/** The member `coverage` of `verify -json`. docs/cli.md describes every member. */
export function coverageJson(coverage: Coverage): object {
  const { downTime } = coverage;
  return {
    period: coverage.period ?? null,
    calls: coverage.calls,
    outcomes_unknown: coverage.outcomesUnknown.map(([reason, count]) => ({ reason, count })),
    events_dropped: coverage.eventsDropped,
    down_time: {
      gaps: downTime.gaps,
      seconds: downTime.seconds,
      seconds_at_most: downTime.secondsAtMost,
      causes: downTime.causes,
      since: downTime.since ?? null,
    },
    open_chains: coverage.openChains,
    not_counted: coverage.notCounted,
    not_excluded: coverage.notExcluded,
  };
}
