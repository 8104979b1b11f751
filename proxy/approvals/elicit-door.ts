import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { OwnAnswer, ToolCall } from '../inspect.ts';
import { canShowForms, readChoice, valueOf } from './client-answer.ts';
import type { ClientChannel } from './client-channel.ts';
import type { Desk, Door } from './door.ts';
import { isStateless } from './input-required.ts';
import { elicitationOf } from './question-text.ts';
import type { Question } from './question.ts';

/**
 * The client, up to MCP 2025-11-25: a request of ours, among those of the server. What the client
 * answers is what the program says that the person said.
 */
export class ElicitDoor implements Door {
  readonly name = 'elicit';
  readonly #channel: ClientChannel;
  readonly #asked = new Map<string, Asked>();
  #canAsk = false;
  #desk: Desk | undefined;

  constructor(channel: ClientChannel) {
    this.#channel = channel;
  }

  attach(desk: Desk): void {
    this.#desk = desk;
  }

  /** The client introduces itself: parameters of `initialize`. */
  introduced(params: JsonValue): void {
    this.#canAsk = isJsonObject(params) && canShowForms(params['capabilities']);
  }

  /** A newer client is asked by the answer to its call. */
  isOpenFor(call: ToolCall): boolean {
    return this.#canAsk && this.#channel.isConnected && !isStateless(call);
  }

  ask(question: Question): void {
    const id = this.#channel.space + question.id;
    const send = this.#channel.sender;
    this.#asked.set(id, { question, send });
    send({ id, method: 'elicitation/create', params: elicitationOf(question) });
  }

  /** @returns Whether the answer was for us; then it is nobody else's. */
  heard({ ids, result, isAmbiguous }: OwnAnswer): boolean {
    const id = ids.find((each) => each.startsWith(this.#channel.space));
    if (id === undefined) return false;
    const question = this.#asked.get(id)?.question;
    this.#asked.delete(id);
    const questionId = id.slice(this.#channel.space.length);
    const choice = isAmbiguous ? undefined : readChoice(valueOf(result));
    // Also for a question that is settled: the desk says so, and records it.
    if (choice !== undefined) {
      this.#desk?.answer(questionId, { ...choice, door: this.name, by: 'client' });
    } else if (question !== undefined) this.#desk?.closed(questionId, this.name);
    return true;
  }

  takeBack(question: Question): void {
    const requestId = this.#channel.space + question.id;
    const asked = this.#asked.get(requestId);
    if (asked === undefined) return; // the client has answered
    this.#asked.delete(requestId);
    const params = { requestId, reason: 'the question is settled' };
    asked.send({ method: 'notifications/cancelled', params });
  }

  close(): void {
    this.#asked.clear();
  }
}

interface Asked {
  readonly question: Question;
  /** By the way that the question went. */
  readonly send: (message: JsonObject) => void;
}
