import type { Cli } from './cli.ts';
import { isPlain, printable } from './terminal.ts';

const PATIENCE_MS = 1000;
const REDRAW_MS = 200;
const LINE_MS = 5000;
/** Receipts between two looks at the clock. */
const STRIDE = 256;

/**
 * Says on standard error how far a long verification is: one line that is drawn over and over on a
 * terminal, lines of their own for whoever asked for it elsewhere, and nothing otherwise.
 */
export class Progress {
  readonly #cli: Cli;
  readonly #total: () => number;
  readonly #isShown: boolean;
  /** The line may be taken back and written again. */
  readonly #isDrawn: boolean;
  #done = 0;
  #drawAt: number;
  #known: number | undefined;

  /**
   * @param total - Asked once, when there is something to show.
   * @param isAsked - Show it also where that is no terminal, or a simple one.
   */
  constructor(cli: Cli, total: () => number, isAsked = false) {
    this.#cli = cli;
    this.#total = total;
    const { NO_COLOR: noColor = '' } = cli.env;
    this.#isDrawn = cli.errIsTerminal && noColor === '' && !isPlain(cli.env);
    this.#isShown = isAsked || this.#isDrawn;
    this.#drawAt = performance.now() + PATIENCE_MS;
  }

  step(chainId: string): void {
    this.#done += 1;
    if (!this.#isShown || this.#done % STRIDE !== 0) return;
    const now = performance.now();
    if (now < this.#drawAt) return;
    this.#drawAt = now + (this.#isDrawn ? REDRAW_MS : LINE_MS);
    this.#known ??= this.#total();
    const [done, total] = [this.#done, this.#known].map((n) => n.toLocaleString('en'));
    const text = `verified ${done} of ${total} receipts, chain ${printable(chainId)}`;
    if (this.#isDrawn) this.#draw(text);
    else this.#write(`${text}\n`);
  }

  /** Removes the line, so that other output can stand there. */
  clear(): void {
    if (this.#isDrawn && this.#known !== undefined) this.#draw('');
  }

  #draw(text: string): void {
    this.#write(`\r\u001b[K${text}`);
  }

  #write(text: string): void {
    this.#cli.err.write(text);
    this.#cli.err.flush();
  }
}
