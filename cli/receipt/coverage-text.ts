import type { Coverage } from '../../shared/chain/coverage.ts';
import type { DownCause, DownTime } from '../../shared/chain/down-time.ts';
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
    row('calls', String(coverage.calls)),
    row('outcome unknown', String(unknown)),
    ...outcomesUnknown.map(([reason, count]) => `    ${count} x ${reason}`),
    row('events dropped', String(coverage.eventsDropped)),
    ...downTimeLines(coverage.downTime),
    row('open chains', openText(openChains)),
    ...(coverage.notCounted === 0 ? [] : [row('not counted', String(coverage.notCounted))]),
    '  not excluded:',
    ...coverage.notExcluded.map(({ text }) => `    - ${text}`),
  ];
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
