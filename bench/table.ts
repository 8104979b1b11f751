import type { Row, Unit } from './row.ts';

const HEADER = ['Row', 'Floor', 'Measured', 'Value', 'Spread', 'Also', 'Budget', ''];

/** The rows as a Markdown table. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [HEADER, HEADER.map(() => '---'), ...rows.map(cells)];
  const widths = HEADER.map((_, column) =>
    Math.max(3, ...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) => {
      const padded = line.map((cell, column) =>
        cell === '---' ? '-'.repeat(widths[column] ?? 3) : cell.padEnd(widths[column] ?? 0),
      );
      return `| ${padded.join(' | ')} |\n`;
    })
    .join('');
}

function cells(row: Row): string[] {
  const { floor, measured, value, spread, budget, unit, also } = row;
  const judged = row.basis === 'cpu' ? ' (C)' : '';
  const floorText = floor === undefined ? '' : ` ${formatUnit(floor, unit)}`;
  const sense = budget?.sense === 'at most' ? '<=' : '>=';
  const others = Object.entries(also ?? {}).map(([name, it]) => `${name} ${formatPlain(it)}`);
  return [
    `${row.row}${judged}`,
    `${row.floorName}${floorText}`,
    measured === undefined ? '' : formatUnit(measured, unit),
    value === undefined ? '' : formatValue(row, value),
    spread === undefined ? '' : spread.map((it) => formatValue(row, it)).join(' – '),
    others.join(', '),
    budget === undefined ? '' : `${sense} ${formatValue(row, budget.limit)}`,
    row.note === undefined ? row.outcome : `${row.outcome}: ${row.note}`,
  ].map((cell) => cell.replaceAll('|', '\\|'));
}

function formatValue({ relation, basis, unit }: Row, value: number): string {
  if (relation === 'difference') return `${value >= 0 ? '+' : ''}${formatUnit(value, unit)}`;
  // Commits per receipt read best as the batch they stand for.
  if (basis === 'count' && value > 0 && value < 1) return `1/${formatPlain(1 / value)}`;
  return relation === 'plain' ? formatUnit(value, unit) : formatPlain(value);
}

function formatUnit(value: number, unit: Unit): string {
  if (unit !== 'ns') return `${formatPlain(value)}${unit === '' ? '' : ` ${unit}`}`;
  if (value >= 1e6) return `${formatPlain(value / 1e6)} ms`;
  return value >= 1e3 ? `${formatPlain(value / 1e3)} µs` : `${formatPlain(value)} ns`;
}

function formatPlain(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
