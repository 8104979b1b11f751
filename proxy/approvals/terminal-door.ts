import { ApprovalLine } from '../../emitter/approval-line.ts';
import { CodedError, ERROR_REMEDIES } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { parseRelayedAnswer } from '../../shared/wire/approvals.ts';
import type { Desk, Door, Reception } from './door.ts';
import { presentQuestion } from './present.ts';
import type { Question } from './question.ts';

/** A daemon that restarts is back by then; one that is not has closed this door. */
const RECONNECT_MS = 1000;

/**
 * The terminal: questions are posted with the daemon, where `obsigna approvals` shows them, and
 * answers come back with the kernel's word about who gave them. The daemon decides nothing.
 */
export class TerminalDoor implements Door {
  readonly name = 'terminal';
  readonly #socketPath: string;
  readonly #questions = new Map<string, Question>();
  #desk: Desk | undefined;
  #line: Promise<ApprovalLine> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  attach(desk: Desk): void {
    this.#desk = desk;
  }

  /** Only asking shows whether somebody is there. */
  isOpenFor(): boolean {
    return true;
  }

  ask(question: Question): void {
    this.#questions.set(question.id, question);
    void this.#post(question);
  }

  takeBack({ id }: Question): void {
    if (!this.#questions.delete(id)) return;
    void this.#line?.then((line) => line.request({ op: 'withdraw', id })).catch(() => undefined);
  }

  close(): void {
    this.#questions.clear();
    clearTimeout(this.#retry);
    void this.#line?.then((line) => line.close()).catch(() => undefined);
    this.#line = undefined;
  }

  async #post(question: Question): Promise<void> {
    try {
      this.#line ??= this.#connect();
      const line = await this.#line;
      if (!this.#questions.has(question.id)) return; // settled meanwhile
      await line.request({ op: 'ask', question: presentQuestion(question) });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (this.#retry === undefined) this.#giveUp(question); // else it is asked once more
    }
  }

  #giveUp({ id }: Question): void {
    this.#questions.delete(id);
    this.#desk?.closed(id, this.name);
  }

  #connect(): Promise<ApprovalLine> {
    const line = ApprovalLine.connect({
      socketPath: this.#socketPath,
      client: 'mcp-proxy',
      onPush: (approvals) => void this.#onAnswer(line, approvals),
      onClose: () => this.#onClose(line),
    });
    line.catch(() => {
      if (this.#line === line) this.#line = undefined;
    });
    return line;
  }

  #onClose(line: Promise<ApprovalLine>): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    if (this.#questions.size === 0 || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      for (const question of this.#questions.values()) void this.#post(question);
    }, RECONNECT_MS).unref();
  }

  async #onAnswer(from: Promise<ApprovalLine>, approvals: JsonObject): Promise<void> {
    try {
      const { relay, id, ...said } = parseRelayedAnswer(approvals);
      const answer = { ...said, door: this.name } as const;
      const reception = this.#desk?.answer(id, answer) ?? 'APPROVAL_UNKNOWN';
      const line = await from;
      await line.request({ op: 'received', relay, ...receptionMembers(reception) });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error; // the daemon is gone, or speaks otherwise
    }
  }
}

function receptionMembers(reception: Reception): JsonObject {
  if (reception === 'taken') return { ok: true };
  return { ok: false, code: reception, error: WORDS[reception] ?? ERROR_REMEDIES[reception] };
}

const WORDS: Partial<Readonly<Record<Reception, string>>> = {
  APPROVAL_UNKNOWN: 'the proxy has asked no such question',
  APPROVAL_USED: 'the question has been answered already',
  APPROVAL_EXPIRED: 'nobody waits for the answer any more',
  APPROVAL_MISMATCH: 'the digest is not that of the question',
  APPROVAL_VOID: 'the rules have changed since it was asked',
};
