import type { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { FORWARDED_SIGNALS } from './child.ts';
import { ClientStream } from './client-stream.ts';
import type { Governor } from './governor.ts';
import type { ServerExit, ServerLink } from './server-link.ts';
import { ServerStream } from './server-stream.ts';

export interface RelayOptions {
  readonly link: ServerLink;
  readonly governor: Governor;
  readonly input: Readable;
  readonly output: Writable;
}

/** Answers of ours that are left unread, or cannot be written, before we stop reading. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** A reader that takes nothing for this long shall not keep a record from being written. */
const MAX_WRITING_MS = 100;

/**
 * Connects a client with a server until the server ends, as if the two were connected directly.
 * Each direction stops reading when its reader does not keep up, and neither waits for the other.
 */
export async function relay({ link, governor, input, output }: RelayOptions): Promise<ServerExit> {
  const fromClient = new Intake(input);
  const fromServer = new Intake(link.output);
  const toServer = new Outlet(link.input, fromClient);
  const toClient = new Outlet(output, fromServer);
  const server = new ServerStream(
    governor,
    (bytes) => toClient.write(bytes),
    (line) => client.interject(line),
    (then) => toClient.whenWritten(then),
  );
  const boundAnswers = () => {
    const isTooMuch = server.waitingBytes > MAX_UNREAD_BYTES;
    if (isTooMuch) fromClient.hold(server);
    else fromClient.release(server);
  };
  const client = new ClientStream({
    governor,
    forward: (bytes) => toServer.write(bytes),
    answer: (line) => {
      server.inject(line);
      boundAnswers();
      if (output.writableLength > MAX_UNREAD_BYTES) holdUntilDrained(fromClient, output);
    },
    settle: () => server.settle(),
    hold: (isFull) => (isFull ? fromClient.hold(client) : fromClient.release(client)),
    // The server decides how it ends: nobody kills it for an end of input.
    finished: () => link.input.end(),
  });
  governor.connectClient((line) => {
    server.inject(line);
    boundAnswers();
  });
  link.onLost?.(({ id, reason, answer }) => {
    server.settle(); // an answer that came in time is one
    governor.giveUp(id, reason);
    if (answer === undefined) return;
    server.inject(answer);
    boundAnswers();
  });
  const clientIsGone = () => {
    governor.withdrawWaiting('the client is gone');
    link.input.end();
  };

  input.on('data', (chunk: Buffer) => client.push(chunk));
  input.once('end', () => client.end());
  input.once('error', clientIsGone);
  link.output.on('data', (chunk: Buffer) => {
    server.push(chunk);
    boundAnswers();
  });
  link.output.once('end', () => {
    server.end();
    boundAnswers();
  });
  // A peer that is gone shows in its exit; the bytes it will never read have nowhere to go.
  link.input.on('error', () => undefined);
  output.on('error', () => {
    link.output.destroy(); // the server's next write fails, as it would with the client itself
    clientIsGone();
  });

  const forwardSignal = (signal: NodeJS.Signals) => link.signal(signal);
  for (const signal of FORWARDED_SIGNALS) process.on(signal, forwardSignal);
  const exit = await link.ended(output);
  server.end(); // a fragment must not be lost where the output was held open
  for (const signal of FORWARDED_SIGNALS) process.off(signal, forwardSignal);
  input.destroy();
  return exit;
}

/** Where bytes come from. Nothing is read for as long as anybody has a reason to hold it back. */
class Intake {
  readonly #from: Readable;
  readonly #holders = new Set<object>();

  constructor(from: Readable) {
    this.#from = from;
  }

  hold(holder: object): void {
    this.#holders.add(holder);
    this.#from.pause();
  }

  release(holder: object): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0) this.#from.resume();
  }

  has(holder: object): boolean {
    return this.#holders.has(holder);
  }
}

/** One direction: what is written within a turn leaves in one system call. */
class Outlet {
  readonly #to: Writable;
  readonly #from: Intake;
  #corked = false;

  constructor(to: Writable, from: Intake) {
    this.#to = to;
    this.#from = from;
  }

  write(bytes: Buffer): void {
    if (this.#to.destroyed || this.#to.writableEnded) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#to.cork();
      // Behind what came in one read: calls of it that were announced meanwhile have their announcement written.
      queueMicrotask(() => this.#uncork());
    }
    this.#to.write(bytes);
  }

  /**
   * Behind the write, which leaves at the end of this turn; and behind what the reader has not taken
   * yet, for as long as it takes bytes at all: a large message leaves in many turns, and would stand
   * still while somebody thinks about it.
   */
  whenWritten(then: () => void): void {
    setImmediate(() => {
      const to = this.#to;
      if (!to.writableNeedDrain) {
        then();
        return;
      }
      const done = () => {
        clearTimeout(timer);
        to.off('drain', done);
        to.off('close', done);
        then();
      };
      const timer = setTimeout(done, MAX_WRITING_MS);
      to.once('drain', done);
      to.once('close', done);
    });
  }

  #uncork(): void {
    this.#corked = false;
    this.#to.uncork();
    if (this.#to.writableNeedDrain) holdUntilDrained(this.#from, this.#to);
  }
}

function holdUntilDrained(from: Intake, to: Writable): void {
  if (from.has(to)) return;
  from.hold(to);
  const release = () => {
    to.off('drain', release);
    to.off('close', release);
    from.release(to);
  };
  to.once('drain', release);
  to.once('close', release);
}
