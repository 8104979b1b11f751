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

/** Answers of ours that are left unread, or cannot be written, before we stop reading. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;
/** A reader that takes nothing for this long shall not keep a record from being written. */
const MAX_WRITING_MS = 100;
/** After the server's exit its children may still hold its output; we wait this long for silence. */
const LINGER_MS = 1000;

/**
 * Connects a client with a server until the server ends, as if the two were connected directly.
 * Each direction stops reading when its reader does not keep up, and neither waits for the other.
 */
export async function relay({ child, governor, input, output }: RelayOptions): Promise<ServerExit> {
  const fromClient = new Intake(input);
  const fromServer = new Intake(child.stdout);
  const toServer = new Outlet(child.stdin, fromClient);
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
    finished: () => child.stdin.end(),
  });
  governor.connectClient((line) => {
    server.inject(line);
    boundAnswers();
  });
  const clientIsGone = () => {
    governor.withdrawWaiting('the client is gone');
    child.stdin.end();
  };

  input.on('data', (chunk: Buffer) => client.push(chunk));
  input.once('end', () => client.end());
  input.once('error', clientIsGone);
  child.stdout.on('data', (chunk: Buffer) => {
    server.push(chunk);
    boundAnswers();
  });
  child.stdout.once('end', () => {
    server.end();
    boundAnswers();
  });
  // A peer that is gone shows in its exit; the bytes it will never read have nowhere to go.
  child.stdin.on('error', () => undefined);
  output.on('error', () => {
    child.stdout.destroy(); // the server's next write fails, as it would with the client itself
    clientIsGone();
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
      // Behind every `nextTick` of this turn, where the emitter sends: a call is announced first.
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
