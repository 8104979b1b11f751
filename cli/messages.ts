import { createConsola, type ConsolaInstance } from 'consola/core';
import { BrokenPipe, type Output } from './output.ts';

/** What people read on standard error: notes, warnings, errors. Data goes to standard output. */
export type Messages = Pick<ConsolaInstance, 'log' | 'warn'>;

/** Messages as plain lines, whatever the terminal: scripts and tests see the same text. */
export function createMessages(err: Output): Messages {
  return createConsola({
    level: 3,
    // Two bad rows may get the same line, and each of them is to be seen.
    throttle: 0,
    throttleMin: Number.MAX_SAFE_INTEGER,
    reporters: [
      {
        log({ type, args }) {
          const prefix = type === 'warn' ? 'warning: ' : '';
          try {
            err.write(`${prefix}${args.join(' ')}\n`);
            err.flush();
          } catch (error) {
            // Nobody reads our messages; that is no reason to stop printing data.
            if (!(error instanceof BrokenPipe)) throw error;
          }
        },
      },
    ],
  });
}
