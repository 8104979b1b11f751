import { isDeepStrictEqual } from 'node:util';
import { FIRST_ID, type CallLine } from './call-line.ts';

/** How much of an answer a hop may change. `json`: other bytes for the same JSON. */
export type Fidelity = 'bytes' | 'json';

interface Expected {
  readonly before: Buffer;
  readonly after: Buffer;
}

const ID_BYTES = String(FIRST_ID).length;
const ID_MEMBER = Buffer.from('"id":');

/**
 * Looks whether answers are the ones that the server gave: a hop that loses or changes some would be
 * faster for no good. The first answer of each kind is compared with the server's own words, and every
 * later one with the first, byte for byte but for its id.
 */
export class AnswerCheck {
  readonly #fidelity: Fidelity;
  /** By the tool that was called. */
  readonly #expected = new Map<string, Expected>();
  /** True when answers came back as other bytes for the same JSON. */
  hasOtherBytes = false;

  constructor(fidelity: Fidelity) {
    this.#fidelity = fidelity;
  }

  /**
   * The id of an answer, or undefined for a message that has none, such as a notification.
   *
   * @throws Error for a line that is no answer and no notification
   */
  idOf(line: Buffer): number | undefined {
    const at = line.indexOf(ID_MEMBER);
    const digits = at === -1 ? '' : line.toString('latin1', at + ID_MEMBER.length, at + 20);
    const id = /^(\d+)[,}]/.exec(digits)?.[1];
    if (id !== undefined && at < 64) return Number(id);
    // Somebody else's spelling, or no answer.
    const message = JSON.parse(line.toString()) as { readonly id?: unknown };
    return typeof message.id === 'number' ? message.id : undefined;
  }

  /** @throws Error for an answer that is not what the server said */
  check(line: Buffer, id: number, call: CallLine): void {
    const expected = this.#expected.get(call.tool);
    if (expected === undefined) {
      this.#learn(line, id, call);
      return;
    }
    const { before, after } = expected;
    const isWhole =
      line.length === before.length + ID_BYTES + after.length &&
      line.subarray(0, before.length).equals(before) &&
      line.subarray(before.length + ID_BYTES).equals(after);
    if (!isWhole) throw new Error(`an answer of ${line.length} bytes is not what the server said`);
  }

  #learn(line: Buffer, id: number, call: CallLine): void {
    const own = call.answer(id);
    if (!line.equals(own)) {
      if (this.#fidelity === 'bytes') {
        throw new Error(`the answer to a call of ${call.size} bytes came back as other bytes`);
      }
      assertSameAnswer(line, own, call);
      this.hasOtherBytes = true;
    }
    const at = line.indexOf(String(id));
    this.#expected.set(call.tool, {
      before: Buffer.from(line.subarray(0, at)),
      after: Buffer.from(line.subarray(at + ID_BYTES)),
    });
  }
}

interface Answer {
  readonly result?: { readonly content?: unknown; readonly _meta?: { readonly received?: number } };
}

/** The same result, to a call that had reached the server with at least all of its text. */
function assertSameAnswer(line: Buffer, own: Buffer, { size }: CallLine): void {
  const got = JSON.parse(line.toString()) as Answer;
  const want = JSON.parse(own.toString()) as Answer;
  if (!isDeepStrictEqual(got.result?.content, want.result?.content)) {
    throw new Error(`the answer to a call of ${size} bytes is not what the server said`);
  }
  const { _meta: meta } = got.result ?? {};
  const received = meta?.received;
  if (received !== undefined && received < size) {
    throw new Error(`of a call with ${size} bytes of text ${received} reached the server`);
  }
}
