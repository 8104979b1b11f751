import type { MissingCalls } from '../../shared/chain/call-numbers.ts';
import type { Coverage } from '../../shared/chain/coverage.ts';

/** The member `coverage` of `verify -json`. docs/cli.md describes every member. */
export function coverageJson(coverage: Coverage): object {
  const { downTime } = coverage;
  return {
    period: coverage.period ?? null,
    calls: coverage.calls,
    statements: coverage.statements,
    outcomes_unknown: coverage.outcomesUnknown.map(([reason, count]) => ({ reason, count })),
    outcomes_known_later: coverage.outcomesKnownLater,
    told_twice: coverage.toldTwice,
    missing_calls: missingJson(coverage.missingCalls),
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

function missingJson(missing: MissingCalls): object {
  return {
    count: missing.count,
    sessions: missing.sessions,
    first: missing.first.map(({ sessionId, count, ranges }) => ({
      session_id: sessionId,
      count,
      numbers: ranges,
    })),
    maybe_elsewhere: missing.maybeElsewhere,
    sessions_not_followed: missing.sessionsNotFollowed,
    numbered_calls: missing.numberedCalls,
    unnumbered_calls: missing.unnumberedCalls,
  };
}
