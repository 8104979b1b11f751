import { CodedError } from '../shared/errors.ts';
import type { DaemonConfig } from './config.ts';
import { loadLibC } from './native/libc.ts';
import { lockHolder } from './native/lock.ts';
import { probe } from './socket/listener.ts';

/** What `-status` prints; members may be added. */
export interface DaemonStatus {
  readonly running: boolean;
  /** Null when nobody runs, or when this user may not see who does. */
  readonly pid: number | null;
  readonly socket: string;
  readonly socket_answers: boolean;
  readonly db: string;
}

/** Asks the kernel who holds the lock of the store, and the socket whether somebody listens. */
export async function readStatus({ socket, db }: DaemonConfig): Promise<DaemonStatus> {
  const libc = await loadLibC();
  const answers = (await probe(socket)) === 'connected';
  let holder: number | undefined;
  try {
    holder = lockHolder(libc, `${db}.lock`);
  } catch (error) {
    // The store of another user: its socket is all that can be asked.
    if (!(error instanceof CodedError)) throw error;
    holder = answers ? 0 : undefined;
  }
  return {
    running: holder !== undefined,
    pid: holder === undefined || holder === 0 ? null : holder,
    socket,
    socket_answers: answers,
    db,
  };
}
