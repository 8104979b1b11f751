import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { CodedError } from '../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../shared/json/value.ts';
import { parseJson } from '../shared/json/text.ts';
import { VERSION } from '../shared/version.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply, type ReplyOk } from '../shared/wire/reply.ts';

export interface ApprovalLineOptions {
  readonly socketPath: string;
  /** Who greets, for the daemon's log. */
  readonly client: string;
  /** A frame that nobody asked for: an answer to a question of ours. */
  readonly onPush?: (approvals: JsonObject) => void;
  readonly onClose?: () => void;
}

/** A daemon that does not greet back in this time speaks the plain protocol. */
const GREETING_MS = 2000;
/** The daemon gives whoever asked five seconds to take an answer. */
const REPLY_MS = 10_000;
const HELLO_ACK = 0;
const EXTENSION = 'approvals';

/**
 * A connection to the daemon for questions and answers, apart from the one for reports: it may come
 * and go, and nothing recorded depends on it. Does not keep its process alive.
 *
 * @see docs/protocol.md, "Approvals"
 */
export class ApprovalLine {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #lastAck = HELLO_ACK;

  /** @throws CodedError `DAEMON_UNREACHABLE`, `APPROVALS_UNAVAILABLE` */
  static async connect(options: ApprovalLineOptions): Promise<ApprovalLine> {
    const { socketPath, client } = options;
    const socket = connect(socketPath);
    socket.unref();
    await connected(socket, socketPath);
    const line = new ApprovalLine(socket, options);
    const hello = { client, version: VERSION, extensions: [EXTENSION] };
    const greeted = line.#send({ hello }, HELLO_ACK, GREETING_MS).catch(() => undefined);
    const extensions = (await greeted)?.hello?.['extensions'];
    if (Array.isArray(extensions) && extensions.includes(EXTENSION)) return line;
    line.close();
    const message = `the daemon at ${socketPath} does not know approvals`;
    throw new CodedError('APPROVALS_UNAVAILABLE', message);
  }

  private constructor(socket: Socket, { onPush, onClose }: ApprovalLineOptions) {
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk, (body) => this.#onFrame(body.toString(), onPush));
      } catch {
        socket.destroy(); // not a daemon that we understand
      }
    });
    socket.on('error', () => undefined); // shows in the close
    socket.once('close', () => {
      for (const { settle } of this.#waiting.values()) settle(hungUp());
      onClose?.();
    });
  }

  /** @throws CodedError with the code that the daemon refuses it with */
  async request(approvals: JsonObject): Promise<ReplyOk> {
    this.#lastAck += 1;
    return this.#send({ approvals }, this.#lastAck, REPLY_MS);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(members: JsonObject, ack: number, timeoutMs: number): Promise<ReplyOk> {
    if (this.#socket.destroyed) return Promise.reject(hungUp());
    return new Promise((resolve, reject) => {
      const settle = (result: ReplyOk | CodedError) => {
        clearTimeout(timer);
        this.#waiting.delete(ack);
        if (result instanceof CodedError) reject(result);
        else resolve(result);
      };
      const silence = () => settle(new CodedError('DAEMON_UNREACHABLE', 'the daemon is silent'));
      const timer = setTimeout(silence, timeoutMs);
      this.#waiting.set(ack, { settle });
      const frame = { v: '1', ...members, ack };
      this.#socket.write(encodeFrame([Buffer.from(JSON.stringify(frame))]));
    });
  }

  #onFrame(text: string, onPush: ApprovalLineOptions['onPush']): void {
    const value = parseJson(text);
    if (isJsonObject(value) && value['ack'] === undefined && isJsonObject(value['approvals'])) {
      onPush?.(value['approvals']);
      return;
    }
    const reply = parseReply(text);
    const waiting = this.#waiting.get(reply.ack);
    waiting?.settle(reply.ok ? reply : new CodedError(reply.code, reply.error));
  }
}

function hungUp(): CodedError {
  return new CodedError('DAEMON_UNREACHABLE', 'the daemon hung up');
}

function connected(socket: Socket, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Keeps a program alive that has nothing else to do, which an unreferenced socket does not.
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), GREETING_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const message = `daemon at ${socketPath} not reached (${cause.code ?? cause.message})`;
      reject(new CodedError('DAEMON_UNREACHABLE', message, { cause }));
    });
  });
}

interface Waiting {
  readonly settle: (result: ReplyOk | CodedError) => void;
}
