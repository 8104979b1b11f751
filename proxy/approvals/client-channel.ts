import { Buffer } from 'node:buffer';
import type { JsonObject } from '../../shared/json/value.ts';
import { randomHex } from '../kernel-random.ts';

/** Takes a whole line of ours to the client. */
export type SendLine = (line: Buffer) => void;

/** Messages of ours to the client, beside what the server says. */
export class ClientChannel {
  /**
   * Begins every id and every state of ours. The server never sees it, and so cannot choose an id
   * whose answer we would keep from it.
   */
  readonly space: string;
  #send: SendLine | undefined;

  /** @param space - Of another channel, for clients whose calls may come back through this one. */
  constructor(space = `obsigna:${randomHex(16)}:`) {
    this.space = space;
  }

  get isConnected(): boolean {
    return this.#send !== undefined;
  }

  /** The way for what is asked from now on. */
  connect(send: SendLine | undefined): void {
    this.#send = send;
  }

  /** Sends by the way of this moment, whatever is connected later. */
  get sender(): (message: JsonObject) => void {
    const send = this.#send;
    return (message) => {
      send?.(Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`));
    };
  }
}
