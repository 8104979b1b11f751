import type { Buffer } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';

/** How the server ended: what our own exit must look like. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** For receipts of calls that were open. */
  readonly reason: string;
}

/** Requests of the client that nobody will answer any more. What became of them nobody knows. */
export interface LostRequest {
  /** Text of the id. */
  readonly id: Buffer;
  /** For the receipt. */
  readonly reason: string;
  /** A line for the client; undefined where it waits for none. */
  readonly answer: Buffer | undefined;
}

/** The far end of the relay: lines in, lines out, and an end. */
export interface ServerLink {
  readonly input: Writable;
  readonly output: Readable;
  /** Somebody wants us, and the server with us, to end. */
  signal(signal: NodeJS.Signals): void;
  /**
   * Resolves when the server has ended and its output is read.
   *
   * @param reader - Who reads it. Silence because nothing is read is no silence of the server.
   */
  ended(reader: Writable): Promise<ServerExit>;
  /** Where requests can get lost without the end of the server. */
  onLost?(listener: (lost: LostRequest) => void): void;
}
