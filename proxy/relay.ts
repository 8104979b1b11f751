import type { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { FORWARDED_SIGNALS, hasExited, signalServer, type ServerProcess } from './child.ts';
import { ClientStream } from './client-stream.ts';
import type { Governor } from './governor.ts';
import { ServerStream } from './server-stream.ts';

export interface RelayOptions {
  readonly child: ServerProcess;
  readonly governor: Governor;
  readonly input: Readable;
  readonly output: Writable;
}

/** How the server ended: what our own exit must look like. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Answers of ours that a client leaves unread before we stop reading from it. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** After the server's exit its children may still hold its output; we wait this long for silence. */
const LINGER_MS = 1000;

/**
 * Connects a client with a server until the server ends, as if the two were connected directly.
 * Each direction stops reading when its reader does not keep up, and neither waits for the other.
 */
export async function relay({ child, governor, input, output }: RelayOptions): Promise<ServerExit> {
  const toServer = new Outlet(child.stdin, input);
  const toClient = new Outlet(output, child.stdout);
  const server = new ServerStream(governor, (bytes) => toClient.write(bytes));
  const client = new ClientStream({
    governor,
    forward: (bytes) => toServer.write(bytes),
    answer: (line) => {
      server.inject(line);
      if (output.writableLength > MAX_UNREAD_BYTES) holdUntilDrained(input, output);
    },
  });

  input.on('data', (chunk: Buffer) => {
    server.settle();
    client.push(chunk);
  });
  input.once('end', () => {
    client.end();
    child.stdin.end(); // the server decides how it ends: nobody kills it for an end of input
  });
  input.once('error', () => child.stdin.end());
  child.stdout.on('data', (chunk: Buffer) => server.push(chunk));
  child.stdout.once('end', () => server.end());
  // A peer that is gone shows in its exit; the bytes it will never read have nowhere to go.
  child.stdin.on('error', () => undefined);
  output.on('error', () => {
    child.stdout.destroy(); // the server's next write fails, as it would with the client itself
    child.stdin.end();
  });

  const forwardSignal = (signal: NodeJS.Signals) => {
    signalServer(child, signal);
    // Whoever still holds the output of a server that has ended is waited for no longer.
    if (hasExited(child)) child.stdout.destroy();
  };
  for (const signal of FORWARDED_SIGNALS) process.on(signal, forwardSignal);
  const exit = await ended(child, output);
  server.end(); // a fragment must not be lost where the output was held open
  for (const signal of FORWARDED_SIGNALS) process.off(signal, forwardSignal);
  input.destroy();
  return exit;
}

/** Resolves when the server has ended and its output is read, or is held open by somebody else. */
function ended(child: ServerProcess, output: Writable): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const finish = () => {
        clearTimeout(timer);
        child.stdout.off('data', restart);
        child.stdout.destroy();
        resolve({ code, signal });
      };
      const restart = () => timer.refresh();
      // Silence because the client does not read is no silence of the server.
      const check = () => (output.writableNeedDrain ? restart() : finish());
      const timer = setTimeout(check, LINGER_MS);
      child.stdout.on('data', restart);
      child.once('close', finish);
    });
  });
}

/** One direction: what is written within a turn leaves in one system call. */
class Outlet {
  readonly #to: Writable;
  readonly #from: Readable;
  #corked = false;

  constructor(to: Writable, from: Readable) {
    this.#to = to;
    this.#from = from;
  }

  write(bytes: Buffer): void {
    if (this.#to.destroyed || this.#to.writableEnded) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#to.cork();
      process.nextTick(() => this.#uncork());
    }
    this.#to.write(bytes);
  }

  #uncork(): void {
    this.#corked = false;
    this.#to.uncork();
    if (this.#to.writableNeedDrain) holdUntilDrained(this.#from, this.#to);
  }
}

function holdUntilDrained(from: Readable, to: Writable): void {
  if (from.isPaused()) return;
  from.pause();
  const resume = () => {
    to.off('drain', resume);
    to.off('close', resume);
    from.resume();
  };
  to.once('drain', resume);
  to.once('close', resume);
}
