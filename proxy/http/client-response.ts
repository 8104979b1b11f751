import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { CodedError } from '../../shared/errors.ts';
import { codedData } from '../answers.ts';
import type { RawHeaders } from './headers.ts';
import { messageEvent } from './sse-cut.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];
const EVENTS_TYPE = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache'];

/** What one request of the client is answered with: the server's response, ours, or both. */
export class ClientResponse {
  readonly #response: ServerResponse;
  #isStream = false;
  #hasHungUp = false;
  readonly #onHangUp: (() => void)[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
    response.once('close', () => {
      if (response.writableFinished) return;
      this.#hasHungUp = true;
      for (const tell of this.#onHangUp.splice(0)) tell();
    });
    response.on('error', () => undefined); // shows as a close
  }

  /** The client is gone, and has not got everything. */
  get hasHungUp(): boolean {
    return this.#hasHungUp;
  }

  /** We have begun a stream of events of our own. */
  get isStream(): boolean {
    return this.#isStream;
  }

  whenHungUp(tell: () => void): void {
    if (this.#hasHungUp) tell();
    else this.#onHangUp.push(tell);
  }

  /** The head of the server's response, which the client gets at once. */
  head(status: number, reason: string, headers: RawHeaders): void {
    this.#response.sendDate = false;
    this.#response.writeHead(status, reason, [...headers]);
    this.#response.flushHeaders();
  }

  /** A message of ours, in a stream that begins with it if need be. */
  event(line: Buffer): void {
    if (!this.#isStream) {
      this.#isStream = true;
      this.#response.writeHead(200, EVENTS_TYPE);
    }
    this.write(messageEvent(line));
  }

  write(bytes: Buffer): void {
    if (!this.#response.destroyed && !this.#response.writableEnded) this.#response.write(bytes);
  }

  end(): void {
    this.#response.end();
  }

  /** All of it is ours: JSON, or nothing for a status without a body. */
  answer(status: number, body?: Buffer | string, headers: RawHeaders = []): void {
    if (this.#response.headersSent) {
      this.breakOff();
      return;
    }
    const length = ['Content-Length', `${body === undefined ? 0 : Buffer.byteLength(body)}`];
    const type = body === undefined ? [] : JSON_TYPE;
    this.#response.writeHead(status, [...type, ...length, ...headers]);
    this.#response.end(body);
  }

  /** A fault, for people and for programs. */
  fault(status: number, error: CodedError, headers: RawHeaders = []): void {
    const { code, message } = error;
    const body = { error: { code: -32000, message, data: codedData(code) }, id: null };
    this.answer(status, JSON.stringify({ ...body, jsonrpc: '2.0' }), headers);
  }

  /** What was begun does not end well: a clean end would say that this was all. */
  breakOff(): void {
    this.#response.destroy();
  }

  /**
   * Reads the server's response at the pace of the client.
   *
   * @returns Whether the server has said everything that it wanted to say
   */
  async take(from: Readable, push: (chunk: Buffer) => void): Promise<boolean> {
    const to = this.#response;
    if (from.destroyed) return false;
    return new Promise((resolve) => {
      from.on('data', (chunk: Buffer) => {
        push(chunk);
        if (!to.writableNeedDrain) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
      from.once('end', () => resolve(isComplete(from)));
      from.on('error', () => resolve(false));
      from.once('close', () => resolve(false));
    });
  }
}

/** A response that was cut off ends like any other, and says so only here. */
function isComplete(from: Readable & Partial<Pick<IncomingMessage, 'complete'>>): boolean {
  return from.complete ?? true;
}
