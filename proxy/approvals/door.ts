import type { ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import type { ToolCall } from '../inspect.ts';
import type { Question } from './question.ts';

/** Ways to a person, in the order in which they are asked when nothing else is said. */
export const DOORS = ['http', 'elicit', 'terminal'] as const;
export type DoorName = (typeof DOORS)[number];

/** `call`: this exact call again, for ten minutes. `session`: this tool, until the session ends. */
export const GRANT_SCOPES = ['call', 'session'] as const;
export type GrantScope = (typeof GRANT_SCOPES)[number];

/** What a person said, as the door heard it. */
export interface Answer {
  readonly verdict: 'approve' | 'deny';
  readonly door: DoorName;
  /** Who it was, as far as the door can tell. A claim, unless the door says how it knows. */
  readonly by: string;
  /** The process that answered, where the kernel named it. */
  readonly peer?: JsonObject | undefined;
  readonly reason?: string | undefined;
  readonly grant?: GrantScope | undefined;
  /** What the person was shown the question of. A door that cannot know leaves it out. */
  readonly digest?: string | undefined;
}

/** Whether an answer counted, or why it did not. */
export type Reception = 'taken' | RefusalCode;
export type RefusalCode = Extract<
  ErrorCode,
  | 'APPROVAL_UNKNOWN'
  | 'APPROVAL_USED'
  | 'APPROVAL_EXPIRED'
  | 'APPROVAL_MISMATCH'
  | 'APPROVAL_VOID'
  | 'APPROVAL_UNAUTHORIZED'
>;

/** Where doors bring what they hear. */
export interface Desk {
  answer(id: string, answer: Answer): Reception;
  /** Nobody will answer this question at this door. */
  closed(id: string, door: DoorName): void;
  /** Somebody tried to answer who may not: it is recorded. */
  turnedAway(door: DoorName, why: string): void;
}

/** One way to a person. Answers come to the desk, at any time, or never. */
export interface Door {
  readonly name: DoorName;
  /** Where a person finds it, if it has an address. */
  readonly url?: string;
  attach(desk: Desk): void;
  /** Whether, by what is known now, a question about this call can be put here. */
  isOpenFor(call: ToolCall): boolean;
  ask(question: Question): void;
  /** The question is settled or withdrawn: whoever still has it before them need not answer. */
  takeBack(question: Question): void;
  close(): void;
}
