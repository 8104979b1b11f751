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

/** For a page of the documentation: the command above its figures, and where they were taken. */
export function renderPage(report: Report): string {
  const { command, rows, machine } = report;
  return `\`\`\`sh\n${command}\n\`\`\`\n\n${renderTable(rows)}\n${renderMachine(machine)}.\n${summary(report)}\n`;
}

function summary({ form, seconds, rows }: Report): string {
  const over = rows.filter(({ outcome }) => outcome === 'over').length;
  const judged = rows.filter(({ budget }) => budget !== undefined).length;
  return `The ${form} form, ${seconds.toFixed(0)} s; ${over} of ${judged} budgets missed. (C): judged by CPU time.`;
}
