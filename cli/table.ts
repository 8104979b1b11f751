import type { Output } from './output.ts';
import type { Colour, Paint } from './terminal.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

/** Rows that decide the width of the columns; a table that goes on keeps these widths. */
const MEASURED_ROWS = 1000;

/**
 * Columns aligned with two spaces, no borders, nothing behind the last cell. Streams: only the first
 * thousand rows are kept, to measure them.
 */
export class Table {
  readonly #out: Output;
  readonly #paint: Paint;
  #held: (readonly Cell[])[] = [];
  #widths: readonly number[] | undefined;

  constructor(out: Output, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
  }

  row(cells: readonly Cell[]): void {
    if (this.#widths !== undefined) {
      this.#print(cells, this.#widths);
      return;
    }
    this.#held.push(cells);
    if (this.#held.length > MEASURED_ROWS) this.end();
  }

  /** Prints what is held back; a table may go on behind it. */
  end(): void {
    if (this.#held.length === 0) return;
    const widths: number[] = [];
    for (const cells of this.#held) {
      for (const [i, { text }] of cells.entries())
        widths[i] = Math.max(widths[i] ?? 0, widthOf(text));
    }
    for (const cells of this.#held) this.#print(cells, widths);
    this.#held = [];
    this.#widths = widths;
  }

  #print(cells: readonly Cell[], widths: readonly number[]): void {
    const last = cells.length - 1;
    const parts = cells.map(({ text, colour }, i) => {
      const gap = i === last ? '' : ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(text)) + 2);
      return (colour === undefined ? text : this.#paint(colour, text)) + gap;
    });
    this.#out.write(`${parts.join('')}\n`);
  }
}

function widthOf(text: string): number {
  return Array.from(text).length;
}
