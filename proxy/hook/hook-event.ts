import { CodedError } from '../../shared/errors.ts';
import { scanMembersOnce } from '../../shared/json/duplicates.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import type { Member } from '../../shared/json/scan.ts';

/** What an agent says at one moment of a tool call, whatever the agent calls it. */
export interface HookEvent {
  /** `other`: no moment of a tool call; nothing is decided or reported. */
  readonly moment: 'before' | 'after' | 'other';
  /** Empty where the agent has none. */
  readonly sessionId: string;
  /** The agent's own id of the call. */
  readonly toolUseId?: string | undefined;
  readonly tool: string;
  /** Of an MCP server, and so perhaps of a proxy. */
  readonly isMcp: boolean;
  /** The arguments as JSON text, as they came. */
  readonly input?: Uint8Array | undefined;
  readonly output?: Uint8Array | undefined;
  /** Why it failed; absent where it did not. */
  readonly error?: string | undefined;
  /** The agent tells of no end of such a call. */
  readonly isLastWord?: boolean;
  readonly agentId?: string | undefined;
  readonly agentType?: string | undefined;
  readonly model?: string | undefined;
  readonly transcriptPath?: string | undefined;
  readonly cwd?: string | undefined;
}

/** The members of an agent's object, looked up by name and decoded when asked for. */
export class HookInput {
  readonly #bytes: Uint8Array;
  readonly #members = new Map<string, Member>();

  /** @throws CodedError `HOOK_INPUT_INVALID`, also for what two readers may read as two calls */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    try {
      const { members, duplicate, outOfRange } = scanMembersOnce(bytes);
      if (duplicate !== undefined) throw invalid('a member name stands twice in one object');
      if (outOfRange !== undefined) throw invalid(`number out of range: ${outOfRange}`);
      for (const member of members) this.#members.set(member.name, member);
    } catch (cause) {
      if (!(cause instanceof CodedError) || cause.code === 'HOOK_INPUT_INVALID') throw cause;
      throw invalid(cause.message, cause);
    }
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** The JSON text of a member; undefined where it is absent or null. */
  raw(name: string): Uint8Array | undefined {
    const member = this.#members.get(name);
    if (member === undefined) return undefined;
    const text = this.#bytes.subarray(member.start, member.end);
    return text[0] === NULL ? undefined : text;
  }

  /** A member that is a string and not empty. */
  text(name: string): string | undefined {
    const raw = this.raw(name);
    if (raw === undefined || raw[0] !== QUOTE) return undefined;
    const value = parseJson(decodeUtf8(raw)) as string;
    return value === '' ? undefined : value;
  }

  flag(name: string): boolean {
    return this.raw(name)?.[0] === TRUE;
  }

  /** The members of a member that is an object. */
  object(name: string): HookInput | undefined {
    const raw = this.raw(name);
    return raw?.[0] === BRACE ? new HookInput(raw) : undefined;
  }

  /** @throws CodedError `HOOK_INPUT_INVALID` */
  needed(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw invalid(`${name} is missing or no text`);
    return text;
  }

  /** A failure in words: agents write a text, or an object of their own. */
  words(name: string): string | undefined {
    const raw = this.raw(name);
    if (raw === undefined) return undefined;
    return raw[0] === QUOTE ? this.text(name) : decodeUtf8(raw);
  }

  /** Arguments, also where they are JSON inside a string. */
  embedded(name: string): Uint8Array | undefined {
    const raw = this.raw(name);
    const text = raw?.[0] === QUOTE ? this.text(name) : undefined;
    if (text === undefined) return raw;
    try {
      const bytes = new TextEncoder().encode(text);
      return new HookInput(bytes).#bytes;
    } catch {
      return raw; // a text, and not an object in one
    }
  }
}

const NULL = 0x6e;
const TRUE = 0x74;
const QUOTE = 0x22;
const BRACE = 0x7b;

export function invalid(what: string, cause?: unknown): CodedError {
  return new CodedError('HOOK_INPUT_INVALID', `input not understood: ${what}`, { cause });
}
