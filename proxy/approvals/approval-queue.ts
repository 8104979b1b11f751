import type { Answer, Desk, Door, DoorName, Reception, RefusalCode } from './door.ts';
import type { Question } from './question.ts';

/** How a question ended. */
export type Verdict =
  | { readonly kind: 'approved' | 'denied'; readonly answer: Answer; readonly waitedMs: number }
  | { readonly kind: 'timed_out' | 'no_approver'; readonly waitedMs: number }
  /** Nobody needs the answer any more. */
  | { readonly kind: 'withdrawn'; readonly reason: string; readonly waitedMs: number }
  /** The rules are not those any more under which it was asked. */
  | { readonly kind: 'void'; readonly waitedMs: number };

/** A question that was put, up to its one verdict. */
export interface Asked {
  readonly question: Question;
  readonly verdict: Promise<Verdict>;
  withdraw(reason: string): void;
}

/** An answer that did not count: it is recorded too. */
export interface RefusedAnswer {
  readonly code: RefusalCode;
  readonly id: string | undefined;
  readonly question: Question | undefined;
  readonly door: DoorName;
  readonly by: string;
  readonly reason?: string | undefined;
}

export interface ApprovalQueueOptions {
  readonly doors: readonly Door[];
  /** Digest of the rules that are in force now. */
  readonly policyDigest: () => string;
  readonly refused: (answer: RefusedAnswer) => void;
}

/** Questions that are remembered after their end, so that a second answer is known for one. */
const MAX_REMEMBERED = 1024;

/**
 * Questions that wait for a person. Every question is put to all doors that are open for it; the
 * first answer that is bound to it settles it, for good. See docs/adr/0025.
 */
export class ApprovalQueue implements Desk {
  readonly #options: ApprovalQueueOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** What became of questions, by id, oldest first. */
  readonly #ended = new Map<string, { readonly question: Question; readonly code: RefusalCode }>();

  constructor(options: ApprovalQueueOptions) {
    this.#options = options;
    for (const door of options.doors) door.attach(this);
  }

  get count(): number {
    return this.#waiting.size;
  }

  /**
   * Puts a question to these doors.
   *
   * @param isOpen - It can also be answered in a way that no door stands for: closed doors alone
   *   do not end it.
   */
  ask(question: Question, doors: readonly Door[], isOpen = false): Asked {
    let settle: (verdict: Verdict) => void = () => undefined;
    const verdict = new Promise<Verdict>((resolve) => (settle = resolve));
    const left = question.expiresAtMs - Date.now();
    const timer = setTimeout(() => this.#expire(question.id), left);
    const open = new Set<DoorName | 'other'>(doors.map(({ name }) => name));
    if (isOpen) open.add('other');
    this.#waiting.set(question.id, { question, doors, open, settle, timer });
    for (const door of doors) door.ask(question);
    return { question, verdict, withdraw: (reason) => this.#withdraw(question.id, reason) };
  }

  answer(id: string, answer: Answer): Reception {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      const ended = this.#ended.get(id);
      return this.#refuse(ended?.code ?? 'APPROVAL_UNKNOWN', id, ended?.question, answer);
    }
    const { question } = waiting;
    const waitedMs = this.#waitedMs(question);
    // A machine that slept has timers that are late.
    if (Date.now() >= question.expiresAtMs) {
      this.#expire(id);
      return this.#refuse('APPROVAL_EXPIRED', id, question, answer);
    }
    if (answer.digest !== undefined && answer.digest !== question.digest) {
      return this.#refuse('APPROVAL_MISMATCH', id, question, answer);
    }
    // A denial holds under any rules.
    if (answer.verdict === 'approve' && !this.isCurrent(question)) {
      this.#end(id, 'APPROVAL_VOID', { kind: 'void', waitedMs });
      return this.#refuse('APPROVAL_VOID', id, question, answer);
    }
    const kind = answer.verdict === 'approve' ? 'approved' : 'denied';
    this.#end(id, 'APPROVAL_USED', { kind, answer, waitedMs });
    return 'taken';
  }

  /** Whether the rules are still those under which it was asked. */
  isCurrent({ subject }: Question): boolean {
    return subject.policyDigest === this.#options.policyDigest();
  }

  /** @param door - `other`: the way that no door stands for. */
  closed(id: string, door: DoorName | 'other'): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !waiting.open.delete(door) || waiting.open.size > 0) return;
    const waitedMs = this.#waitedMs(waiting.question);
    this.#end(id, 'APPROVAL_EXPIRED', { kind: 'no_approver', waitedMs });
  }

  turnedAway(door: DoorName, why: string): void {
    const code = 'APPROVAL_UNAUTHORIZED';
    this.#options.refused({
      code,
      id: undefined,
      question: undefined,
      door,
      by: 'unknown',
      reason: why,
    });
  }

  /** Nobody is left who could use an answer. */
  withdrawAll(reason: string): void {
    for (const id of this.#waiting.keys()) this.#withdraw(id, reason);
  }

  #refuse(
    code: RefusalCode,
    id: string,
    question: Question | undefined,
    answer: Answer,
  ): RefusalCode {
    const { door, by, reason } = answer;
    this.#options.refused({ code, id, question, door, by, reason });
    return code;
  }

  #expire(id: string): void {
    const question = this.#waiting.get(id)?.question;
    if (question === undefined) return;
    this.#end(id, 'APPROVAL_EXPIRED', { kind: 'timed_out', waitedMs: this.#waitedMs(question) });
  }

  #withdraw(id: string, reason: string): void {
    const question = this.#waiting.get(id)?.question;
    if (question === undefined) return;
    const waitedMs = this.#waitedMs(question);
    this.#end(id, 'APPROVAL_EXPIRED', { kind: 'withdrawn', reason, waitedMs });
  }

  /** The one place where a question ends. */
  #end(id: string, code: RefusalCode, verdict: Verdict): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !this.#waiting.delete(id)) return;
    const { question, doors, settle, timer } = waiting;
    clearTimeout(timer);
    // Without the arguments, which may be large: what is remembered is only named.
    this.#ended.set(id, { question: { ...question, arguments: undefined }, code });
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_REMEMBERED && oldest !== undefined) this.#ended.delete(oldest);
    settle(verdict);
    for (const door of doors) door.takeBack(question);
  }

  #waitedMs({ askedAtMs }: Question): number {
    return Math.max(0, Date.now() - askedAtMs);
  }
}

interface Waiting {
  readonly question: Question;
  readonly doors: readonly Door[];
  /** Ways that are left. */
  readonly open: Set<DoorName | 'other'>;
  readonly settle: (verdict: Verdict) => void;
  readonly timer: NodeJS.Timeout;
}
