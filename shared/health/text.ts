import { printable, type Colour, type Paint } from '../terminal.ts';
import { countHealth, type HealthCheck, type HealthStatus } from './check.ts';

const COLOURS: Readonly<Record<HealthStatus, Colour>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  note: 'bold',
};
const NAME_WIDTH = 18;

/** What every `doctor` prints: a title, a line for each check, and the verdict that `code` stands for. */
export function healthText(
  title: string,
  checks: readonly HealthCheck[],
  { code, paint }: { readonly code: 0 | 1; readonly paint: Paint },
): string {
  const { ok, warn, fail } = countHealth(checks);
  const word = code === 0 ? paint('green', 'PASS') : paint('red', 'FAIL');
  const lines = checks.map((check) => lineOf(check, paint)).join('');
  return `${title}\n\n${lines}\ndoctor: ${word} (${ok} ok, ${warn} warn, ${fail} fail)\n`;
}

function lineOf({ check, status, reason, fix }: HealthCheck, paint: Paint): string {
  const word = paint(COLOURS[status], status.padEnd(4));
  const line = `[${word}] ${check.padEnd(NAME_WIDTH)} ${printable(reason)}\n`;
  return fix === undefined ? line : `${line}         fix: ${printable(fix)}\n`;
}
