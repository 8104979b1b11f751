import type { Coverage } from '../../shared/chain/coverage.ts';
import type { DownCause, DownTime } from '../../shared/chain/down-time.ts';
import type { MissingCalls, MissingOfSession } from '../../shared/chain/call-numbers.ts';
import type { NumberRange } from '../../shared/chain/number-set.ts';
import { formatGoDuration } from '../../shared/duration.ts';
import { plural } from '../words.ts';

const LABEL_WIDTH = 18;

/** How complete the record is, as lines that still have to be made printable. */
export function coverageLines(coverage: Coverage): readonly string[] {
  const { period, openChains, outcomesUnknown } = coverage;
  const unknown = outcomesUnknown.reduce((sum, [, count]) => sum + count, 0);
  return [
    'Coverage:',
    row('period', period === undefined ? 'none' : `${period.first} to ${period.last}`),
    row('calls', callsText(coverage)),
    ...(coverage.statements === 0 ? [] : [row('beside calls', statementsText(coverage))]),
    ...missingLines(coverage.missingCalls),
    row('outcome unknown', unknownText(unknown, coverage.outcomesKnownLater)),
    ...outcomesUnknown.map(([reason, count]) => `    ${count} x ${reason}`),
    row('events dropped', String(coverage.eventsDropped)),
    ...downTimeLines(coverage.downTime),
    row('open chains', openText(openChains)),
    ...(coverage.notCounted === 0 ? [] : [row('not counted', String(coverage.notCounted))]),
    '  not excluded:',
    ...coverage.notExcluded.map(({ text }) => `    - ${text}`),
  ];
}

/** `3 calls of 1 session are neither recorded nor counted as dropped`; undefined when none is. */
export function missingText({ count, sessions }: MissingCalls): string | undefined {
  if (count === 0) return undefined;
  const are = count === 1 ? 'is' : 'are';
  return `${plural(count, 'call')} of ${plural(sessions, 'session')} ${are} neither recorded nor counted as dropped`;
}

function statementsText({ statements }: Coverage): string {
  return `${plural(statements, 'statement')} of proxies: grants, refused answers, pinned servers`;
}

function missingLines(missing: MissingCalls): string[] {
  const text = missingText(missing);
  if (text === undefined) {
    // Without numbers nothing can be missing from them, which is no good news.
    const isKnown = missing.numberedCalls > 0 || missing.unnumberedCalls === 0;
    return [row('missing calls', isKnown ? 'none seen' : 'not known')];
  }
  const more = missing.sessions - missing.first.length;
  return [
    row('missing calls', text),
    ...missing.first.map(sessionLine),
    ...(more > 0 ? [`    and ${plural(more, 'more session')}`] : []),
  ];
}

function sessionLine({ sessionId, count, ranges }: MissingOfSession): string {
  const shown = ranges.map(rangeText).join(', ');
  const named = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (count > named) return `    session ${sessionId}: numbers ${shown} and more`;
  if (count < named) return `    session ${sessionId}: ${count} of the numbers ${shown}`;
  return `    session ${sessionId}: ${count === 1 ? 'number' : 'numbers'} ${shown}`;
}

/** `7`, or `7 to 9`. */
function rangeText([first, last]: NumberRange): string {
  return first === last ? String(first) : `${first} to ${last}`;
}

function callsText({ calls, toldTwice }: Coverage): string {
  return toldTwice === 0 ? String(calls) : `${calls}, told twice: ${toldTwice}`;
}

function unknownText(unknown: number, knownLater: number): string {
  return knownLater === 0 ? String(unknown) : `${unknown}, known later: ${knownLater}`;
}

function row(label: string, value: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${value}`;
}

function downTimeLines({ gaps, seconds, secondsAtMost, causes, since }: DownTime): string[] {
  const more = secondsAtMost > seconds ? `, at most ${duration(secondsAtMost)}` : '';
  const words = gaps === 0 ? 'none seen' : `${duration(seconds)}${more}, in ${plural(gaps, 'gap')}`;
  return [
    row('down time', words),
    ...causes.map(causeLine),
    ...(since === undefined ? [] : [row('stopped since', since)]),
  ];
}

function causeLine({ cause, certainty, gaps, seconds }: DownCause): string {
  const bound = certainty === 'exact' ? '' : 'at most ';
  const doubt =
    certainty === 'down_or_idle' && cause !== 'down or idle' ? ', or idle after it' : '';
  return `    ${gaps} x ${cause}${doubt}: ${bound}${duration(seconds)}`;
}

function openText({ count, ids }: Coverage['openChains']): string {
  if (count === 0) return '0';
  const more = count > ids.length ? ` and ${count - ids.length} more` : '';
  return `${count}: ${ids.join(', ')}${more}`;
}

function duration(seconds: number): string {
  return formatGoDuration(seconds * 1000);
}
