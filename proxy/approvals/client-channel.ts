import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../shared/json/value.ts';

/** Messages of ours to the client, beside what the server says. */
export class ClientChannel {
  /**
   * Begins every id and every state of ours. The server never sees it, and so cannot choose an id
   * whose answer we would keep from it.
   */
  readonly space = `obsigna:${randomBytes(16).toString('hex')}:`;
  #send: ((line: Buffer) => void) | undefined;

  connect(send: (line: Buffer) => void): void {
    this.#send = send;
  }

  send(message: JsonObject): void {
    this.#send?.(Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`));
  }
}
