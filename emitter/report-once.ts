import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { CodedError } from '../shared/errors.ts';
import { VERSION } from '../shared/version.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply } from '../shared/wire/reply.ts';
import { frameBody, type CallMembers } from './frame-body.ts';
import type { ActionReport, EmitterIdentity } from './report.ts';

export interface OnceOptions extends EmitterIdentity {
  readonly socketPath: string;
  /** Who greets, for the daemon's log. */
  readonly client: string;
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
 * Tells a daemon of one action, for a process that lives for one report: no spool, no second attempt.
 * Resolves when the daemon has it on its disk, or when that will not be known in time.
 *
 * @throws CodedError for a report that no frame can carry
 */
export function reportOnce(options: OnceOptions): Promise<OnceResult> {
  const { socketPath, client, timeoutMs } = options;
  const hello = { client, version: VERSION, extensions: ['ack', 'phase', 'held_by'] };
  const greeting = Buffer.from(JSON.stringify({ v: '1', hello, ack: HELLO_ACK }));
  // Both at once: a daemon that does not reply takes the second without the first.
  const bytes = Buffer.concat([encodeFrame([greeting]), encodeFrame(bodyOf(options))]);
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const decoder = new FrameDecoder();
    let isSent = false;
    const settle = (result: OnceResult) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const giveUp = (why: string) => {
      const message = `daemon at ${socketPath} ${isSent ? 'has not answered' : 'not reached'} (${why})`;
      const error = new CodedError('DAEMON_UNREACHABLE', message);
      settle({ state: isSent ? 'sent' : 'unreached', error });
    };
    const timer = setTimeout(() => giveUp('time is over'), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) => giveUp(error.code ?? error.message));
    socket.once('close', () => giveUp('hung up'));
    socket.write(bytes, (error) => {
      isSent = error === undefined || error === null;
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk, (body) => {
          const reply = parseReply(body.toString());
          if (reply.ack !== REPORT_ACK) return;
          if (reply.ok) settle({ state: 'durable' });
          else settle({ state: 'refused', error: new CodedError(reply.code, reply.error) });
        });
      } catch {
        giveUp('not a reply');
      }
    });
  });
}

function bodyOf({ report, call, dropCount, ...identity }: OnceOptions): readonly Uint8Array[] {
  const drops = dropCount > 0 ? `"drop_count":${dropCount},` : '';
  const body = frameBody(identity, report, REPORT_ACK, new Date(), { call, isScanned: true });
  return [Buffer.from(`{${drops}`), body];
}
