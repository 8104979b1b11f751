import { availableParallelism } from 'node:os';

/** Reading and judging keeps one core busy and feeds this many at most. */
const MOST_THREADS = 16;

/**
 * Lets libuv have a thread for each core that this process may use: four, which it has unless told, would
 * leave cores idle. Counts only before its first use, and a user's own setting stands.
 */
export function useEveryCore(): void {
  const threads = Math.min(availableParallelism(), MOST_THREADS);
  process.env['UV_THREADPOOL_SIZE'] ??= String(threads);
}
