import type { Cli } from './cli.ts';
import { isPlain, printable } from './terminal.ts';

const PATIENCE_MS = 1000;
const REDRAW_MS = 200;
/** Receipts between two looks at the clock. */
const STRIDE = 256;

/** One line on a terminal's standard error that says how far a long verification is. */
export class Progress {
  readonly #cli: Cli;
  readonly #total: () => number;
  readonly #isShown: boolean;
  #done = 0;
  #drawAt: number;
  #known: number | undefined;

  /** @param total - Asked once, when there is something to show. */
  constructor(cli: Cli, total: () => number) {
    this.#cli = cli;
    this.#total = total;
    this.#isShown = cli.errIsTerminal && !isPlain(cli.env);
    this.#drawAt = performance.now() + PATIENCE_MS;
  }

  step(chainId: string): void {
    this.#done += 1;
    if (!this.#isShown || this.#done % STRIDE !== 0) return;
    const now = performance.now();
    if (now < this.#drawAt) return;
    this.#drawAt = now + REDRAW_MS;
    this.#known ??= this.#total();
    const [done, total] = [this.#done, this.#known].map((n) => n.toLocaleString('en'));
    this.#draw(`verified ${done} of ${total} receipts, chain ${printable(chainId)}`);
  }

  /** Removes the line, so that other output can stand there. */
  clear(): void {
    if (this.#known !== undefined) this.#draw('');
  }

  #draw(text: string): void {
    this.#cli.err.write(`\r\u001b[K${text}`);
    this.#cli.err.flush();
  }
}
