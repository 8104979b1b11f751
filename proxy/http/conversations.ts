import type { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { GovernedServer } from '../governed-server.ts';
import { Governor } from '../governor.ts';

/** Sessions that nobody ends are forgotten when so many are younger: their calls are told as unknown. */
const MAX_SESSIONS = 4096;
/** Event ids that are remembered, so that what is sent again is not taken for news. */
const MAX_EVENT_IDS = 1024;

/** What belongs together: a session, the stream of an HTTP+SSE client, or a single exchange. */
export class Conversation {
  readonly governor: Governor;
  /** Exchanges that are under way in it. */
  exchanges = 0;
  /** It goes on when the exchange has ended. */
  isSession = false;
  /** To a client that listens on a stream, and reads no answers to its requests. */
  toStream: ((line: Buffer) => void) | undefined;
  readonly #eventIds = new Set<string>();

  constructor(governor: Governor) {
    this.governor = governor;
  }

  /** Whether this event was seen before, as the server sends it again; it is from now on. */
  hasSeen(eventId: string | undefined, data: Buffer): boolean {
    if (eventId === undefined || eventId === '') return false;
    // Not all servers keep the promise that ids are unique in a session.
    const key = `${hash('sha256', data, 'base64')} ${eventId}`;
    if (this.#eventIds.has(key)) return true;
    this.#eventIds.add(key);
    const [oldest] = this.#eventIds;
    if (this.#eventIds.size > MAX_EVENT_IDS && oldest !== undefined) this.#eventIds.delete(oldest);
    return false;
  }
}

/**
 * The conversations with one server. A session is known by the digest of its id, or of the address
 * that its client posts to: both are secrets, and are not kept.
 */
export class Conversations {
  readonly #server: GovernedServer;
  readonly #sessions = new Map<string, Conversation>();
  readonly #all = new Set<Conversation>();

  constructor(server: GovernedServer) {
    this.#server = server;
  }

  /** For one exchange, or for the first of a session whose name is not known yet. */
  open(isLasting: boolean): Conversation {
    const conversation = new Conversation(new Governor(this.#server, isLasting));
    this.#all.add(conversation);
    return conversation;
  }

  /** The session of this name; it is taken on where we do not know it, as after a restart of ours. */
  session(name: string): Conversation {
    const key = keyOf(name);
    const known = this.#sessions.get(key);
    if (known !== undefined) {
      this.#sessions.delete(key); // to the end of the line: the one that waits longest goes first
      this.#sessions.set(key, known);
      return known;
    }
    const conversation = this.open(true);
    this.name(conversation, name);
    return conversation;
  }

  find(name: string): Conversation | undefined {
    return this.#sessions.get(keyOf(name));
  }

  /** From now on it is found by this name. */
  name(conversation: Conversation, name: string): void {
    conversation.isSession = true;
    this.#sessions.set(keyOf(name), conversation);
    if (this.#sessions.size <= MAX_SESSIONS) return;
    for (const [key, { exchanges }] of this.#sessions) {
      if (exchanges > 0) continue;
      this.#end(key, `${MAX_SESSIONS} newer sessions were begun`);
      return;
    }
  }

  endSession(name: string, what: string): void {
    this.#end(keyOf(name), what);
  }

  /** The exchange is over, and so is what belongs to nothing else. */
  close(conversation: Conversation, what: string): void {
    if (conversation.isSession || !this.#all.delete(conversation)) return;
    conversation.governor.end(what);
  }

  endAll(what: string): void {
    for (const { governor } of this.#all) governor.end(what);
    this.#all.clear();
    this.#sessions.clear();
  }

  #end(key: string, what: string): void {
    const conversation = this.#sessions.get(key);
    this.#sessions.delete(key);
    if (conversation !== undefined && this.#all.delete(conversation)) {
      conversation.governor.end(what);
    }
  }
}

function keyOf(name: string): string {
  return hash('sha256', name, 'base64');
}

/** What conversations are found by: a session by its id, an HTTP+SSE stream by where it takes messages. */
export const NAMES = {
  session: (id: string) => `session ${id}`,
  stream: (url: string) => `stream ${url}`,
};
export type ConversationNames = typeof NAMES;
