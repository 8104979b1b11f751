import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { CodedError } from '../shared/errors.ts';
import { VERSION } from '../shared/version.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply } from '../shared/wire/reply.ts';
import { frameBody, type CallMembers } from './frame-body.ts';
import type { ActionReport, EmitterIdentity } from './report.ts';

export interface OnceOptions extends EmitterIdentity {
  readonly report: ActionReport;
  readonly call: CallMembers;
  /** Reports that were lost before this one and are told with it. */
  readonly dropCount: number;
  readonly timeoutMs: number;
}

/**
 * What became of one report. `sent`: the kernel has it, and nobody has said anything. That is all that
 * can be known of a daemon of the plain protocol, which never replies.
 */
export type OnceResult =
  | { readonly state: 'durable' }
  | { readonly state: 'sent' | 'refused' | 'unreached'; readonly error: CodedError };

const HELLO_ACK = 0;
const REPORT_ACK = 1;

/**
 * A connection for a process that lives for one report: no spool, no second attempt. It greets as soon as it
 * is made, so that the daemon gets to know its peer while there is nothing to say yet.
 */
export class OnceLine {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  /** Why nothing can be said here any more. */
  #fault: string | undefined;
  #isSent = false;
  #settle: ((result: OnceResult) => void) | undefined;

  /** @param client - Who greets, for the daemon's log */
  constructor(socketPath: string, client: string) {
    this.#path = socketPath;
    this.#socket = connect(socketPath);
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#giveUp(error.code ?? error.message),
    );
    this.#socket.once('close', () => this.#giveUp('hung up'));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    const hello = { client, version: VERSION, extensions: ['ack', 'phase', 'held_by'] };
    const greeting = Buffer.from(JSON.stringify({ v: '1', hello, ack: HELLO_ACK }));
    this.#socket.write(encodeFrame([greeting]));
  }

  /** False once it has failed, or has had its report. */
  get isFree(): boolean {
    return this.#fault === undefined && this.#settle === undefined;
  }

  /**
   * Tells of one action, without waiting for an answer to the greeting: a daemon that does not reply takes
   * the report all the same. Resolves when the daemon has it on its disk, or when that will not be known
   * in time.
   *
   * @throws CodedError for a report that no frame can carry
   */
  async report(options: OnceOptions): Promise<OnceResult> {
    const bytes = encodeFrame(bodyOf(options));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp('time is over'), options.timeoutMs);
      this.#settle = (result) => {
        clearTimeout(timer);
        resolve(result);
      };
      if (this.#fault !== undefined) {
        this.#giveUp(this.#fault);
        return;
      }
      this.#socket.write(bytes, (error) => {
        this.#isSent = error === undefined || error === null;
      });
    });
  }

  /** For who goes on: a process that ends has no time for Node to take a socket apart. */
  hangUp(): void {
    this.#fault ??= 'hung up';
    this.#socket.destroy();
  }

  #giveUp(why: string): void {
    this.#fault ??= why;
    const what = this.#isSent ? 'has not answered' : 'not reached';
    const message = `daemon at ${this.#path} ${what} (${why})`;
    const error = new CodedError('DAEMON_UNREACHABLE', message);
    this.#settle?.({ state: this.#isSent ? 'sent' : 'unreached', error });
  }

  #read(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk, (body) => {
        const reply = parseReply(body.toString());
        if (reply.ack !== REPORT_ACK) return;
        if (reply.ok) this.#settle?.({ state: 'durable' });
        else this.#settle?.({ state: 'refused', error: new CodedError(reply.code, reply.error) });
      });
    } catch {
      this.#giveUp('not a reply');
    }
  }
}

function bodyOf({ report, call, dropCount, ...identity }: OnceOptions): readonly Uint8Array[] {
  const drops = dropCount > 0 ? `"drop_count":${dropCount},` : '';
  const body = frameBody(identity, report, REPORT_ACK, new Date(), { call, isScanned: true });
  return [Buffer.from(`{${drops}`), body];
}
