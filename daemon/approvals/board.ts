import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { PeerCredential } from '../../shared/receipt/receipt.ts';
import type { ApprovalAnswer, RefusedRelay } from '../../shared/wire/approvals.ts';

const MAX_PER_ASKER = 256;
const MAX_QUESTIONS = 512;
/** A list has to fit one frame. */
const MAX_LIST_LENGTH = 512 * 1024;
/** Whoever asked answers at once, or is gone. */
const RELAY_MS = 5000;

/** Somebody at the other end of a connection, as the kernel named them. */
export interface Party {
  readonly peer: PeerCredential;
  readonly principalId: string;
}

/** A connection with questions, and the way back to it. */
export interface Asker extends Party {
  push(frame: JsonObject): void;
}

interface Posted {
  readonly asker: Asker;
  readonly question: JsonObject;
}

interface Relay {
  readonly asker: Asker;
  readonly settle: (refused: RefusedRelay | undefined) => void;
}

/**
 * Questions of all proxies of the machine, for the person at its terminal. Nothing is decided here:
 * answers go to whoever asked, with the kernel's word about who gave them, and only the owner of
 * the socket may see questions or answer. See docs/adr/0025.
 */
export class ApprovalBoard {
  readonly #ownerUid: number;
  readonly #posted = new Map<string, Posted>();
  readonly #relays = new Map<number, Relay>();
  #lastRelay = 0;

  /** @param ownerUid - Who owns the socket. Root may do what the owner may. */
  constructor(ownerUid: number) {
    this.#ownerUid = ownerUid;
  }

  /** @throws CodedError `TOO_MANY_APPROVALS`, `FRAME_INVALID` for an id that is in use */
  ask(asker: Asker, id: string, question: JsonObject): void {
    const known = this.#posted.get(id);
    if (known !== undefined && known.asker !== asker) {
      throw new CodedError('FRAME_INVALID', 'another connection asks under this id');
    }
    const own = [...this.#posted.values()].filter((posted) => posted.asker === asker).length;
    if (own >= MAX_PER_ASKER || this.#posted.size >= MAX_QUESTIONS) {
      throw new CodedError('TOO_MANY_APPROVALS', `${this.#posted.size} questions wait already`);
    }
    this.#posted.set(id, { asker, question });
  }

  withdraw(asker: Asker, id: string): void {
    if (this.#posted.get(id)?.asker === asker) this.#posted.delete(id);
  }

  /** The connection is gone, and its questions with it. */
  left(asker: Asker): void {
    for (const [id, posted] of this.#posted) if (posted.asker === asker) this.#posted.delete(id);
    for (const relay of this.#relays.values()) {
      if (relay.asker === asker) relay.settle(GONE);
    }
  }

  /** @throws CodedError `APPROVAL_UNAUTHORIZED` */
  list(who: Party): readonly JsonObject[] {
    this.#allow(who);
    const listed: JsonObject[] = [];
    let length = 0;
    for (const posted of this.#posted.values()) {
      const line = summaryOf(posted);
      length += JSON.stringify(line).length;
      if (length > MAX_LIST_LENGTH) break; // the rest comes up as these are answered
      listed.push(line);
    }
    return listed;
  }

  /** @throws CodedError `APPROVAL_UNAUTHORIZED`, `APPROVAL_UNKNOWN` */
  show(who: Party, id: string): JsonObject {
    this.#allow(who);
    const { question, asker } = this.#find(id);
    return { ...question, asked_by: partyOf(asker) };
  }

  /**
   * Hands an answer to whoever asked.
   *
   * @returns What they say to it
   * @throws CodedError `APPROVAL_UNAUTHORIZED`, `APPROVAL_UNKNOWN`
   */
  async answer(who: Party, answer: ApprovalAnswer): Promise<RefusedRelay | undefined> {
    this.#allow(who);
    const { asker } = this.#find(answer.id);
    this.#lastRelay += 1;
    const relay = this.#lastRelay;
    return new Promise((resolve) => {
      const settle = (refused: RefusedRelay | undefined) => {
        clearTimeout(timer);
        this.#relays.delete(relay);
        resolve(refused);
      };
      const timer = setTimeout(() => settle(GONE), RELAY_MS).unref();
      this.#relays.set(relay, { asker, settle });
      const { principalId: by } = who;
      const given = Object.fromEntries(
        Object.entries(answer).filter(([, value]) => value !== undefined),
      );
      asker.push({ approvals: { ...given, op: 'answer', relay, by, peer: partyOf(who) } });
    });
  }

  received(asker: Asker, relay: number, refused: RefusedRelay | undefined): void {
    const waiting = this.#relays.get(relay);
    if (waiting?.asker === asker) waiting.settle(refused);
  }

  #find(id: string): Posted {
    const posted = this.#posted.get(id);
    if (posted !== undefined) return posted;
    throw new CodedError('APPROVAL_UNKNOWN', `no question ${id} waits`);
  }

  #allow({ peer }: Party): void {
    if (peer.uid === this.#ownerUid || peer.uid === 0) return;
    const message = `uid ${peer.uid ?? 'unknown'} does not own this daemon's socket`;
    throw new CodedError('APPROVAL_UNAUTHORIZED', message);
  }
}

const GONE: RefusedRelay = {
  code: 'APPROVAL_EXPIRED',
  error: 'the proxy that asked does not answer',
};

function partyOf({ peer, principalId }: Party): JsonObject {
  const { pid, uid, exe_path: exePath } = peer;
  return {
    principal: principalId,
    pid,
    ...(uid !== undefined && { uid }),
    ...(exePath !== undefined && { exe_path: exePath }),
  };
}

const LISTED = ['id', 'digest', 'server', 'tool', 'rule', 'session', 'asked_at', 'expires_at'];
const MAX_LISTED = 300;

/** One line of a list: whoever wants to see all of it asks for this one. */
function summaryOf({ question, asker }: Posted): JsonObject {
  const line: Record<string, JsonObject[string]> = {};
  for (const name of [...LISTED, 'arguments']) {
    const value = question[name];
    if (typeof value === 'string') line[name] = value.slice(0, MAX_LISTED).toWellFormed();
  }
  const { risk } = question;
  return { ...line, ...(risk !== undefined && { risk }), asked_by: partyOf(asker) };
}
