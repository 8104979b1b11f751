import { Buffer } from 'node:buffer';
import type { JsonObject } from '../shared/json/value.ts';
import type { SurveyRequest, TaskRequest, ToolCall } from './inspect.ts';
import { MAX_OPEN_CALLS, OpenRequests, type OpenTaskRequest } from './open-requests.ts';
import type { OpenRecord } from './recorder.ts';
import { readInputRequired, Rounds } from './rounds.ts';
import { SentCall, SILENCE_MS } from './sent-call.ts';
import type { Answer, ServerWord } from './server-message.ts';
import { TaskCalls, type TaskCall } from './task-calls.ts';
import {
  createdTask,
  errorCode,
  readTaskState,
  relatedTask,
  type TaskState,
} from './task-message.ts';

/** JSON-RPC errors that speak of the request itself: method not found, invalid params. */
const REQUEST_ERRORS: ReadonlySet<unknown> = new Set([-32601, -32602]);

/** Cancelled calls that are waited for. */
export const MAX_CANCELLED = 1024;

/** Calls whose result may come in another conversation: as a task's, or after another round. */
export interface LastingCalls {
  readonly tasks: TaskCalls;
  readonly rounds: Rounds;
}

export function lastingCalls(): LastingCalls {
  return { tasks: new TaskCalls(), rounds: new Rounds() };
}

/** Nothing more will come, because of `what`. */
export function endLasting({ tasks, rounds }: LastingCalls, what: string): void {
  tasks.endAll(what);
  rounds.endAll(what);
}

/**
 * How calls end that have left for the server: by an answer, by the result of the task they were
 * answered with, or unseen. Each ends in one report; a result behind a report of `unknown` makes a
 * second one.
 *
 * @see MCP 2025-11-25 "tasks"; the extension io.modelcontextprotocol/tasks
 */
export class Outcomes {
  readonly #open = new OpenRequests();
  readonly #tasks: TaskCalls;
  readonly #rounds: Rounds;
  /** They are of this conversation, and end with it. */
  readonly #ownsLasting: boolean;
  /** Cancelled and not answered yet, oldest first, with what gives each of them up. */
  readonly #cancelled = new Map<SentCall, (reason: string) => void>();
  readonly #onSurvey: (request: SurveyRequest, answer: Answer) => void;

  /**
   * @param onSurvey - Told what the server answers when it is asked what it has.
   * @param lasting - What outlives this conversation, where it is not the whole session.
   */
  constructor(onSurvey: (request: SurveyRequest, answer: Answer) => void, lasting?: LastingCalls) {
    const { tasks, rounds } = lasting ?? lastingCalls();
    this.#onSurvey = onSurvey;
    this.#tasks = tasks;
    this.#rounds = rounds;
    this.#ownsLasting = lasting === undefined;
  }

  /** Requests that wait for an answer. */
  get openCount(): number {
    return this.#open.count;
  }

  /** True where nothing that the server says can end a call. */
  get isEmpty(): boolean {
    return this.#open.isEmpty && this.#tasks.isEmpty;
  }

  /** A call leaves now. */
  sent(call: ToolCall, record: OpenRecord, context: JsonObject): void {
    const sent = new SentCall(record, context, call);
    if (call.id === undefined) {
      sent.unknown('the call was sent without an id, so no answer can come');
      return;
    }
    this.#open.add(call.id, sent);
  }

  /** The call that this one goes on with, if the server has asked back. It waits no more. */
  takeRound(call: ToolCall): SentCall | undefined {
    return this.#rounds.take(call);
  }

  /** The next round of a call leaves now. */
  resumed(call: ToolCall, sent: SentCall): void {
    if (call.id === undefined)
      sent.unknown('the call went on without an id, so no answer can come');
    else this.#open.add(call.id, sent);
  }

  /** A request about a task leaves now. It matters if the task stands for a call. */
  follow(request: TaskRequest): void {
    if (this.#tasks.get(request.taskId) === undefined) return;
    if (this.#open.count >= MAX_OPEN_CALLS) return; // the call is told as unknown in the end
    this.#open.add(request.id, { request, isAmbiguous: false });
  }

  /** A request for what the server is or has leaves now. */
  watch(survey: SurveyRequest): void {
    if (this.#open.count >= MAX_OPEN_CALLS) return; // calls are refused then
    this.#open.add(survey.id, {
      survey: { ...survey, id: Buffer.from(survey.id) },
      isAmbiguous: false,
    });
  }

  /** The request for what the server has that an answer with this id would answer. */
  surveyWith(id: Buffer): SurveyRequest | undefined {
    const found = this.#open.withId(id).find((open) => 'survey' in open);
    return found !== undefined && 'survey' in found ? found.survey : undefined;
  }

  /** @returns Whether a request with this id is open */
  cancel(id: Buffer): boolean {
    const requests = this.#open.withId(id);
    const kept = Buffer.from(id); // must not hold on to the chunk it came in
    for (const request of requests) {
      if (request instanceof SentCall) this.#cancelCall(kept, request);
      else this.#open.giveUp(kept, request);
    }
    return requests.length > 0;
  }

  /** What a line of the server said. */
  observe(words: readonly ServerWord[]): void {
    for (const word of words) {
      if (word.kind === 'answer') this.#answer(word);
      else if (word.kind === 'task' && !this.#tasks.isEmpty) {
        this.#notice(readTaskState(word.params));
      }
    }
  }

  /** Nothing more will come, because of `what`: what is open has an outcome that nobody saw. */
  end(what: string): void {
    this.#cancelled.clear();
    for (const call of this.#open.takeAllCalls()) call.unknown(`${what} before an answer was seen`);
    if (this.#ownsLasting) endLasting({ tasks: this.#tasks, rounds: this.#rounds }, what);
  }

  /** Answered with a fault of the transport. */
  failed(id: Buffer, error: Buffer): void {
    for (const _ of this.#open.withId(id)) {
      this.#answer({ kind: 'answer', id, result: undefined, error });
    }
  }

  /** No answer to this request can come any more; one that comes all the same is reported too. */
  giveUp(id: Buffer, reason: string): void {
    const kept = Buffer.from(id);
    for (const request of this.#open.withId(id)) {
      this.#open.giveUp(kept, request);
      if (!(request instanceof SentCall)) continue;
      this.#cancelled.delete(request);
      request.unknown(reason);
    }
  }

  /** Cancelled calls are rarely answered, and must not use up the room of the others. */
  #cancelCall(id: Buffer, call: SentCall): void {
    if (this.#cancelled.has(call)) return;
    call.isCancelled = true;
    const giveUp = (reason: string) => {
      this.#cancelled.delete(call);
      this.#open.giveUp(id, call);
      call.unknown(reason);
    };
    this.#cancelled.set(call, giveUp);
    call.awaitSilence(() => giveUp(`no answer within ${SILENCE_MS / 1000} s`));
    const [giveUpOldest] = this.#cancelled.values();
    if (this.#cancelled.size > MAX_CANCELLED) {
      giveUpOldest?.(`no answer yet, and ${MAX_CANCELLED} newer calls are cancelled`);
    }
  }

  #answer(answer: Answer): void {
    const request = this.#open.take(answer.id);
    if (request instanceof SentCall) this.#callAnswered(request, answer);
    else if (request !== undefined && 'survey' in request) this.#onSurvey(request.survey, answer);
    else if (request !== undefined) this.#taskAnswered(request, answer);
    else if (!this.#tasks.isEmpty) this.#strayAnswer(answer);
  }

  #callAnswered(call: SentCall, answer: Answer): void {
    this.#cancelled.delete(call);
    const { result, strings } = answer;
    const input = result === undefined ? undefined : readInputRequired(result, strings?.hop);
    if (input !== undefined && !call.isCancelled) {
      call.askedBack(input.asked.map(({ method }) => method));
      this.#rounds.add(call, input.state);
      return;
    }
    const state = result === undefined ? undefined : createdTask(result, call.call.wantsTask);
    if (state === undefined) {
      call.answered(answer);
      return;
    }
    call.becomeTask();
    const task = this.#tasks.add(state, call);
    if (call.isCancelled) this.#tasks.expectSilence(task);
    this.#update(task, state);
  }

  #taskAnswered({ request, isAmbiguous }: OpenTaskRequest, { result, error }: Answer): void {
    const task = this.#tasks.get(request.taskId);
    if (task === undefined) return; // its result came meanwhile
    if (isAmbiguous) task.call.isAmbiguous = true;
    if (request.method === 'tasks/result') {
      // The error of a call that failed; or the server knows no such task, or no more.
      const isOfTask =
        error === undefined || task.status === 'failed' || !REQUEST_ERRORS.has(errorCode(error));
      if (isOfTask) this.#tasks.end(task, { result, error });
      return;
    }
    if (result === undefined) return;
    if (request.method === 'tasks/cancel') {
      task.call.isCancelled = true;
      this.#tasks.expectSilence(task);
    }
    this.#update(task, readTaskState(result));
  }

  /** An answer to a request that nobody waits for any longer, such as a cancelled `tasks/result`. */
  #strayAnswer({ result }: Answer): void {
    const taskId = result === undefined ? undefined : relatedTask(result);
    const task = taskId === undefined ? undefined : this.#tasks.get(taskId);
    if (task !== undefined) this.#tasks.end(task, { result, error: undefined });
  }

  #notice(state: TaskState | undefined): void {
    const task = state === undefined ? undefined : this.#tasks.get(state.taskId);
    if (task !== undefined) this.#update(task, state);
  }

  #update(task: TaskCall, state: TaskState | undefined): void {
    if (state?.status === undefined) return;
    const { status, result, error } = state;
    task.status = status;
    if (status === 'completed' && result !== undefined) {
      this.#tasks.end(task, { result, error: undefined });
    } else if (status === 'failed' && error !== undefined) {
      this.#tasks.end(task, { result: undefined, error });
    } else if (status === 'cancelled') {
      this.#tasks.expectSilence(task);
    }
  }
}
