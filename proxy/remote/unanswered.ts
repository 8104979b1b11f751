import type { Buffer } from 'node:buffer';
import type { UpstreamExchange } from '../http/upstream.ts';
import { idKey } from '../open-requests.ts';
import type { ClientLine } from './client-line.ts';

export interface OpenRequest {
  readonly id: Buffer;
  readonly method: string;
}

/** A line of the client on its way, until everything in it is answered. */
export class Post {
  readonly line: ClientLine;
  readonly exchange: UpstreamExchange;
  /** Sent again by us: the client has its answer already. */
  readonly isOurs: boolean;
  /** The client waits for no answer any longer. */
  isCancelled = false;
  /** By what makes two ids the same. */
  readonly open: Map<string, OpenRequest>;
  /** Settles when the server has accepted it, or will not. Never rejects. */
  readonly accepted: Promise<void>;
  /** Settles when nothing in it is open any longer. Never rejects. */
  readonly settled: Promise<void>;
  #isAccepted = false;
  #accept: () => void = () => undefined;
  #settle: () => void = () => undefined;

  constructor(line: ClientLine, exchange: UpstreamExchange, isOurs: boolean) {
    this.line = line;
    this.exchange = exchange;
    this.isOurs = isOurs;
    this.open = new Map(line.requests.map((request) => [idKey(request.id), request]));
    this.accepted = new Promise((resolve) => (this.#accept = resolve));
    this.settled = new Promise((resolve) => (this.#settle = resolve));
  }

  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  accept(): void {
    this.#isAccepted = true;
    this.#accept();
  }

  settle(): void {
    this.accept();
    this.#settle();
  }
}

/** Requests that the server has not answered. Answers may come on any stream of a session. */
export class Unanswered {
  readonly #posts = new Set<Post>();

  add(post: Post): void {
    if (post.open.size > 0) this.#posts.add(post);
  }

  /** Everything that is open, but for subscriptions, which end when somebody ends them. */
  get isEmpty(): boolean {
    for (const { open } of this.#posts) {
      for (const { method } of open.values()) if (method !== 'subscriptions/listen') return false;
    }
    return true;
  }

  withId(id: Buffer): readonly Post[] {
    const key = idKey(id);
    return [...this.#posts].filter(({ open }) => open.has(key));
  }

  all(): readonly Post[] {
    return [...this.#posts];
  }

  /**
   * An answer has come.
   *
   * @param from - What it is the response to; two requests may have one id.
   * @returns What it answers
   */
  answered(id: Buffer, from: Post | undefined): Post | undefined {
    const key = idKey(id);
    const post = from?.open.has(key) === true ? from : this.withId(id)[0];
    if (post === undefined) return undefined;
    post.open.delete(key);
    if (post.open.size === 0) this.#settle(post);
    return post;
  }

  /** Nothing more comes for these. @returns What was open in it */
  giveUp(post: Post): readonly OpenRequest[] {
    const open = [...post.open.values()];
    post.open.clear();
    this.#settle(post);
    return open;
  }

  #settle(post: Post): void {
    this.#posts.delete(post);
    post.settle();
  }
}
