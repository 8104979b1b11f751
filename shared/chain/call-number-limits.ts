import type { MissingCalls } from './call-numbers.ts';
import type { CoverageLimit } from './coverage.ts';

/** What the numbers of calls cannot show. */
export function numberLimits(missing: MissingCalls): readonly CoverageLimit[] {
  const { maybeElsewhere, sessionsNotFollowed, numberedCalls, unnumberedCalls } = missing;
  const limits: CoverageLimit[] = [];
  const add = (code: CoverageLimit['code'], text: string) => limits.push({ code, text });
  if (maybeElsewhere > 0) {
    const what = maybeElsewhere === 1 ? 'number of a call is' : 'numbers of calls are';
    const text = `${maybeElsewhere} ${what} missing here, and may stand in chains not read, or pruned`;
    add('NUMBERS_ELSEWHERE', text);
  }
  if (sessionsNotFollowed > 0) {
    const what = sessionsNotFollowed === 1 ? 'session' : 'sessions';
    const text = `missing calls of ${sessionsNotFollowed} ${what} with too many holes to follow`;
    add('SESSIONS_NOT_FOLLOWED', text);
  }
  if (unnumberedCalls > 0) {
    const what = unnumberedCalls === 1 ? 'call has no number' : 'calls have no number';
    add('UNNUMBERED_CALLS', `${unnumberedCalls} ${what}: others beside may be missing unseen`);
  }
  if (numberedCalls > 0) add('LAST_CALLS', 'calls behind the last number of their session');
  return limits;
}
