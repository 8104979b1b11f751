import type { Buffer } from 'node:buffer';
import { idKey } from './open-requests.ts';

/** What a transport does with a call: send it on, or answer the client itself (or say nothing). */
export type FinalRuling =
  /** `instead`: the text of the message that goes on in its place, without a line end. */
  | {
      readonly forward: true;
      readonly instead?: Buffer | undefined;
      /** What the call is in the record: `SESSION/CALL`. */
      readonly reference?: string | undefined;
    }
  | { readonly forward: false; readonly answer: Buffer | undefined };

/** Nothing is known yet. Other messages go on meanwhile; the bytes of this one stay where they are. */
export interface WaitingRuling {
  readonly forward: 'later';
  /** Called once, in the order in which the waits end, withdrawn calls included. */
  whenOver(callback: () => void): void;
  /**
   * The ruling, to be carried out at once. Asked for once, when the bytes could leave: up to then
   * the call may be withdrawn.
   */
  settle(): FinalRuling;
  /** Nobody waits for this call any more. */
  withdraw(reason: string): void;
}

/** What a call waits for: that its record is safe, or what a person says. */
export interface Wait<T> {
  readonly id: Buffer | undefined;
  readonly until: Promise<T>;
  /** Rules, once the wait is over and the call was not withdrawn. */
  readonly rule: (result: PromiseSettledResult<T>) => FinalRuling;
  /** The call will not be sent any more, whatever `until` brings. */
  readonly withdrawn: (reason: string) => void;
}

/** Calls that nobody has sent yet. */
export class WaitingCalls {
  readonly #calls = new Set<Withdrawable>();

  get count(): number {
    return this.#calls.size;
  }

  hold<T>(wait: Wait<T>): WaitingRuling {
    const call = new WaitingCall(wait);
    this.#calls.add(call);
    wait.until.then(
      (value) => call.over({ status: 'fulfilled', value }),
      (reason: unknown) => call.over({ status: 'rejected', reason }),
    );
    return {
      forward: 'later',
      whenOver: (callback) => call.whenOver(callback),
      settle: () => (this.#calls.delete(call) ? call.rule() : UNANSWERED),
      withdraw: (reason) => void this.#withdraw(reason, (other) => other === call),
    };
  }

  /** @returns How many calls with this id were withdrawn */
  withdraw(id: Uint8Array, reason: string): number {
    const key = idKey(id);
    return this.#withdraw(reason, (call) => call.key === key);
  }

  withdrawAll(reason: string): void {
    this.#withdraw(reason, () => true);
  }

  #withdraw(reason: string, isMeant: (call: Withdrawable) => boolean): number {
    const meant = [...this.#calls].filter(isMeant);
    // All of them first: the end of one wait may release a batch that holds another one.
    for (const call of meant) this.#calls.delete(call);
    for (const call of meant) call.withdraw(reason);
    for (const call of meant) call.over(undefined);
    return meant.length;
  }
}

/** Nobody waits for the answer to a call that was withdrawn. */
const UNANSWERED: FinalRuling = { forward: false, answer: undefined };

interface Withdrawable {
  readonly key: string | undefined;
  withdraw(reason: string): void;
  over(result: undefined): void;
}

class WaitingCall<T> implements Withdrawable {
  readonly key: string | undefined;
  /** Forgotten with the call: what it waits for may outlive it, and must not keep its bytes. */
  #wait: Pick<Wait<T>, 'rule' | 'withdrawn'> | undefined;
  #result: PromiseSettledResult<T> | undefined;
  #callback: (() => void) | undefined;
  #isOver = false;

  constructor({ id, rule, withdrawn }: Wait<T>) {
    this.key = id === undefined ? undefined : idKey(id);
    this.#wait = { rule, withdrawn };
  }

  whenOver(callback: () => void): void {
    if (this.#isOver) callback();
    else this.#callback = callback;
  }

  over(result: PromiseSettledResult<T> | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#result = result;
    this.#callback?.();
    this.#callback = undefined;
  }

  rule(): FinalRuling {
    if (this.#wait === undefined || this.#result === undefined) {
      throw new TypeError('ruled on before the wait was over');
    }
    const { rule } = this.#wait;
    this.#wait = undefined;
    return rule(this.#result);
  }

  withdraw(reason: string): void {
    this.#wait?.withdrawn(reason);
    this.#wait = undefined;
  }
}
