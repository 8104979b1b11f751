import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { scanMembers, firstByte } from '../../shared/json/scan.ts';
import { batchAnswer, batchLine, codedData, errorAnswer, RPC_INTERNAL } from '../answers.ts';
import type { SendLine } from '../approvals/client-channel.ts';
import { consider, partsOf, settle, waitsIn, type Settled } from '../client-message.ts';
import type { Inspection } from '../inspect.ts';
import type { WaitingRuling } from '../waiting-calls.ts';
import type { ClientResponse } from './client-response.ts';
import type { Conversation } from './conversations.ts';
import type { EventRelay } from './event-relay.ts';
import type { Passage } from './passage.ts';
import { relayEvents, relayMessage } from './relay-answer.ts';
import type { ServerResponse } from './server-response.ts';

export interface PostedMessage {
  readonly body: Buffer;
  readonly inspection: Inspection;
}

const OPEN_OBJECT = 0x7b;

/**
 * One message of the client: decided, held for as long as it has to wait, sent on in the bytes it
 * came in, and answered by the server, by us, or by both. Nothing else waits for it.
 */
export class PostExchange {
  readonly #passage: Passage;
  readonly #conversation: Conversation;
  readonly #message: PostedMessage;
  readonly #client: ClientResponse;
  #events: EventRelay | undefined;
  /** What the server answered with; undefined where it was not asked, or did not answer. */
  status: number | undefined;

  constructor(passage: Passage, conversation: Conversation, message: PostedMessage) {
    this.#passage = passage;
    this.#conversation = conversation;
    this.#message = message;
    this.#client = passage.client;
  }

  /** @param onSession - Told the id of the session that the server has begun. */
  async run(onSession: (id: string) => void): Promise<void> {
    const { governor, toStream } = this.#conversation;
    const { body, inspection } = this.#message;
    governor.connectClient(toStream ?? this.#channel());
    const entries = partsOf(body, inspection).map((part) => consider(governor, part));
    governor.connectClient(toStream);
    await this.#waited(waitsIn(entries));
    const settled = settle(body, entries);
    if (this.#client.hasHungUp) this.#giveUp('the client hung up');
    else if (settled.kept.length === 0) this.#refuse(settled.answers);
    else await this.#forward(settled, onSession);
  }

  /** How we reach the client while its call waits: in the answer to it, if it takes events there. */
  #channel(): SendLine | undefined {
    if (!this.#passage.takesEvents || this.#message.inspection.kind === 'batch') return undefined;
    return (line) => {
      if (this.#events === undefined) this.#client.event(line);
      else this.#events.inject(line);
    };
  }

  /** Nobody could be given the answer to a call whose client is gone: it is not sent. */
  async #waited(waits: readonly WaitingRuling[]): Promise<void> {
    if (waits.length === 0) return;
    this.#client.whenHungUp(() => {
      for (const wait of waits) wait.withdraw('not sent: the client hung up');
    });
    await Promise.all(waits.map((wait) => new Promise<void>((resolve) => wait.whenOver(resolve))));
  }

  #refuse(answers: readonly Buffer[]): void {
    const { toStream } = this.#conversation;
    if (toStream !== undefined) {
      for (const line of answers) toStream(line);
      this.#client.answer(202);
      return;
    }
    const [first] = answers;
    if (first === undefined) this.#finish(202, undefined);
    else this.#finish(200, this.#isBatch ? batchAnswer(answers) : first);
  }

  /** An answer of ours, and the end. */
  #finish(status: number, line: Buffer | undefined): void {
    if (!this.#client.isStream) {
      this.#client.answer(status, line?.subarray(0, -1));
      return;
    }
    if (line !== undefined) this.#client.event(line);
    this.#client.end();
  }

  async #forward(settled: Settled, onSession: (id: string) => void): Promise<void> {
    const exchange = this.#passage.send(this.#bytesOf(settled), settled.references);
    let response: ServerResponse;
    try {
      response = await this.#passage.receive(exchange);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      exchange.abort();
      this.#unanswered(error);
      return;
    }
    this.status = response.status;
    const { sessionId } = response;
    const isSession = this.#conversation.isSession || this.#conversation.toStream !== undefined;
    if (sessionId !== undefined && !isSession && response.status < 300) onSession(sessionId);
    const { isComplete, isResumable } = await this.#relay(response, settled.answers);
    if (!isComplete) exchange.abort();
    this.#over(response.status, isComplete, isResumable);
  }

  #bytesOf({ kept, isWhole }: Settled): Buffer {
    if (isWhole) return this.#message.body;
    return this.#isBatch ? batchLine(kept).subarray(0, -1) : (kept[0] as Buffer);
  }

  async #relay(response: ServerResponse, answers: readonly Buffer[]): Promise<Relayed> {
    const { toStream } = this.#conversation;
    for (const line of toStream === undefined ? [] : answers) toStream?.(line);
    const own = toStream === undefined ? answers : [];
    const between = {
      response,
      client: this.#client,
      conversation: this.#conversation,
      reply: (line: Buffer) => this.#passage.sendOurs(line),
    };
    if (response.type === 'events') {
      return relayEvents(between, own, (events) => (this.#events = events));
    }
    const isComplete = await relayMessage(between, own, () => this.#requestId());
    return { isComplete, isResumable: false };
  }

  /** The server could not be asked, or did not say anything. */
  #unanswered(error: CodedError): void {
    this.#giveUp(this.#client.hasHungUp ? 'the client hung up' : error.message);
    if (this.#client.hasHungUp) return;
    this.#passage.options.log(`${error.message} [${error.code}]`);
    const data = codedData(error.code);
    this.#finish(502, errorAnswer(this.#requestId(), RPC_INTERNAL, error.message, data));
  }

  /** What has not been answered by now will not be, unless the stream can be taken up again. */
  #over(status: number, isComplete: boolean, isResumable: boolean): void {
    if (status >= 400 && status < 500) {
      const error = Buffer.from(JSON.stringify({ message: `the server answered HTTP ${status}` }));
      for (const id of this.#callIds()) this.#conversation.governor.failed(id, error);
      return;
    }
    const { isSession, toStream } = this.#conversation;
    if (toStream !== undefined && status < 300) return; // answered on the stream
    if (isSession && isResumable) return;
    const cut = isComplete
      ? `the server answered HTTP ${status} without it`
      : 'the response was cut off';
    this.#giveUp(this.#client.hasHungUp ? 'the client hung up' : cut);
  }

  #giveUp(reason: string): void {
    for (const id of this.#callIds()) this.#conversation.governor.giveUp(id, reason);
  }

  #callIds(): readonly Buffer[] {
    const { body, inspection } = this.#message;
    return partsOf(body, inspection).flatMap(({ inspection: it }) =>
      it.kind === 'call' && it.call.id !== undefined ? [it.call.id] : [],
    );
  }

  /** Of the one request, for an answer of ours in place of the server's. */
  #requestId(): Buffer | undefined {
    const { body } = this.#message;
    if (firstByte(body) !== OPEN_OBJECT) return undefined;
    const id = scanMembers(body).find(({ name }) => name === 'id');
    return id === undefined ? undefined : body.subarray(id.start, id.end);
  }

  get #isBatch(): boolean {
    return this.#message.inspection.kind === 'batch';
  }
}

interface Relayed {
  readonly isComplete: boolean;
  /** The server has given its events ids: the rest may come on another stream. */
  readonly isResumable: boolean;
}
