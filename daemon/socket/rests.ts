import type { Socket } from 'node:net';

/** As long as two calls of an eager agent lie apart; an intent may lie before the journal for longer. */
const REST_MS = 4;

/** What libuv offers of a stream, and Node's own stream does not: to leave bytes with the kernel. */
interface ReadingHandle {
  readStart(): void;
  readStop(): void;
}

/**
 * Rests between two reads of a peer that nobody waits for. What it reports meanwhile lies in the
 * kernel's buffer, where it outlives the peer, and is read in one piece. The peer gains most: its
 * write wakes nobody up, neither on its own core nor on the one that its call goes on with.
 */
export class Rests {
  readonly #resting = new Map<Socket, NodeJS.Timeout>();
  #isOver = false;

  begin(socket: Socket): void {
    const handle = handleOf(socket);
    if (this.#isOver || handle === undefined || this.#resting.has(socket)) return;
    handle.readStop();
    this.#resting.set(
      socket,
      setTimeout(() => this.#end(socket), REST_MS),
    );
  }

  /** No more of them, and those that are go on at once. */
  stop(): void {
    this.#isOver = true;
    for (const [socket, timer] of this.#resting) {
      clearTimeout(timer);
      this.#end(socket);
    }
  }

  #end(socket: Socket): void {
    this.#resting.delete(socket);
    handleOf(socket)?.readStart();
  }
}

/** Undefined for a socket that is closed, and on a Node that has changed its inside: then nobody rests. */
function handleOf(socket: Socket): ReadingHandle | undefined {
  const { _handle: handle } = socket as Socket & {
    readonly _handle?: Partial<ReadingHandle> | null;
  };
  const { readStart, readStop } = handle ?? {};
  if (typeof readStart !== 'function' || typeof readStop !== 'function') return undefined;
  return handle as ReadingHandle;
}
