import { printable } from './proxy-log.ts';
import { SILENCE_MS, type SentCall } from './sent-call.ts';
import type { TaskState } from './task-message.ts';

/** A call that was answered with a task; its result comes another way. */
export interface TaskCall {
  readonly taskId: string;
  readonly call: SentCall;
  /** What the server said last. */
  status: string;
}

/** A server may make up tasks as it likes; beyond this the oldest is not waited for any longer. */
export const MAX_TASKS = 4096;

/** Calls by the id of the task that stands for them. */
export class TaskCalls {
  readonly #byId = new Map<string, TaskCall>();

  get isEmpty(): boolean {
    return this.#byId.size === 0;
  }

  get(taskId: string): TaskCall | undefined {
    return this.#byId.get(taskId);
  }

  add(state: TaskState, call: SentCall): TaskCall {
    const before = this.#byId.get(state.taskId);
    if (before !== undefined) this.#giveUp(before, 'another call was answered with the same task');
    if (this.#byId.size >= MAX_TASKS) {
      const [oldest] = this.#byId.values();
      if (oldest !== undefined) this.#giveUp(oldest, `${MAX_TASKS} newer tasks are open`);
    }
    const task = { taskId: state.taskId, call, status: 'unknown' };
    this.#byId.set(task.taskId, task);
    return task;
  }

  /** The result is there. */
  end(task: TaskCall, outcome: Pick<TaskState, 'result' | 'error'>): void {
    this.#byId.delete(task.taskId);
    task.call.answered(outcome);
  }

  /** Few clients fetch the result of what was cancelled: the call is told after a while, and kept. */
  expectSilence(task: TaskCall): void {
    task.call.awaitSilence(() =>
      task.call.unknown(`${describe(task)} was seen within ${SILENCE_MS / 1000} s`),
    );
  }

  /** Nothing more will come. */
  endAll(reason: string): void {
    for (const task of this.#byId.values()) this.#giveUp(task, reason);
  }

  #giveUp(task: TaskCall, reason: string): void {
    this.#byId.delete(task.taskId);
    task.call.unknown(`${describe(task)} was fetched; ${reason}`);
  }
}

function describe({ taskId, status }: TaskCall): string {
  const quoted = JSON.stringify(printable(taskId));
  return `no result of task ${quoted} (last status: ${printable(status)})`;
}
