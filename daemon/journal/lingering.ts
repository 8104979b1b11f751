import type { Job } from '../draft.ts';

/** More than this and an intent is not worth the wait any more. */
const MAX_JOBS = 1024;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Intents that nobody waits for, held back for a moment: most calls are over by then, and leave no
 * trace in the journal. What ends a call takes its intent along.
 */
export class LingeringIntents {
  readonly #jobs = new Map<string, Job>();
  #bytes = 0;

  get count(): number {
    return this.#jobs.size;
  }

  /** @returns false for a frame that has to be written at once */
  hold(job: Job): boolean {
    const { event } = job;
    if (event.phase !== 'intent' || event.patient !== true) return false;
    const bytes = bytesOf(job);
    if (this.#jobs.size >= MAX_JOBS || this.#bytes + bytes > MAX_BYTES) return false;
    const key = keyOf(job);
    if (this.#jobs.has(key)) return false;
    this.#jobs.set(key, job);
    this.#bytes += bytes;
    return true;
  }

  /** The intent of the call that this frame is about; it has to be written before it. */
  takeFor(job: Job): Job | undefined {
    const intent = this.#jobs.size === 0 ? undefined : this.#jobs.get(keyOf(job));
    if (intent === undefined) return undefined;
    this.#jobs.delete(keyOf(job));
    this.#bytes -= bytesOf(intent);
    return intent;
  }

  takeAll(): readonly Job[] {
    const all = [...this.#jobs.values()];
    this.#jobs.clear();
    this.#bytes = 0;
    return all;
  }
}

function keyOf({ owner, event }: Job): string {
  return `${owner}/${event.sessionId}/${event.callId}`;
}

function bytesOf({ event }: Job): number {
  return event.input?.length ?? 0;
}
