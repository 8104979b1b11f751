import { renderMachine, type Machine } from './machine.ts';
import type { Row } from './row.ts';
import { renderTable } from './table.ts';

/** What a run has found; as JSON it is what `--json` prints and `bench/results/` keeps. */
export interface Report {
  /** As it was typed, so that it can be typed again. */
  readonly command: string;
  readonly form: 'short' | 'full';
  readonly machine: Machine;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

/** For a terminal. */
export function renderReport(report: Report): string {
  const { rows, machine } = report;
  return `\n${renderTable(rows)}\n${renderMachine(machine)}\n${summary(report)} How to read this: bench/README.md\n`;
}

/** For a page of the documentation: where the figures were taken, and each under its command. */
export function renderFigures(report: Report): string {
  const names = [...new Set(report.rows.map(({ bench }) => bench ?? ''))];
  const tables = names.map((name) => {
    const rows = report.rows.filter(({ bench }) => bench === name);
    return `${shell(commandOf(report, name))}\n${renderTable(rows)}`;
  });
  const head = `Taken with \`${report.command}\`. ${summary(report)}\n\n${renderMachine(report.machine)}.\n`;
  return [head, ...tables].join('\n');
}

/** What prints a part of the report again. Comparisons with other programs are no names. */
function commandOf({ command, form }: Report, name: string): string {
  if (command.includes('--against') || command.includes('--daemon')) return command;
  return `npm run bench --${form === 'full' ? ' --full' : ''} --only ${name}`;
}

function shell(command: string): string {
  return `\`\`\`sh\n${command}\n\`\`\`\n`;
}

/** What a page may hold that a program writes: between `<!-- name -->` and `<!-- end of name -->`. */
export type Marked = 'figures' | 'fleet';

/** @throws TypeError for a page that has no place for it */
export function withMarked(page: string, name: Marked, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [beginsAt, endsAt] = [page.indexOf(begin), page.indexOf(end)];
  if (beginsAt === -1 || endsAt < beginsAt) {
    throw new TypeError(`the page needs a line ${begin} and a line ${end} behind it`);
  }
  return `${page.slice(0, beginsAt + begin.length)}\n\n${text}\n${page.slice(endsAt)}`;
}

function summary({ form, seconds, rows }: Report): string {
  const over = rows.filter(({ outcome }) => outcome === 'over').length;
  const judged = rows.filter(({ budget }) => budget !== undefined).length;
  return `The ${form} form, ${seconds.toFixed(0)} s; ${over} of ${judged} budgets missed. (C): judged by CPU time.`;
}
