import { randomBytes } from 'node:crypto';
import type { Decision } from '../../policy/decide.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import { canonicalizeText } from '../../shared/json/text.ts';
import type { ToolCall } from '../inspect.ts';

/** One call that a person is asked about, and everything that an answer is bound to. */
export interface Question {
  /** 32 hex digits, of this question and no other. */
  readonly id: string;
  /** `sha256:` over what the answer is for; see `digestOf`. */
  readonly digest: string;
  readonly subject: Subject;
  /** The tool's own name, as rules and receipts have it. */
  readonly tool: string;
  readonly ruleDescription: string;
  readonly risk: Decision['risk'];
  /** Canonical JSON of the arguments; undefined where the call has none. Evidence, not for show. */
  readonly arguments: string | undefined;
  readonly askedAtMs: number;
  readonly expiresAtMs: number;
}

/** What an answer is about. Another value in any member makes it another question. */
export interface Subject {
  readonly server: string;
  /** As the client spelled it, because that is what the server would run. */
  readonly toolName: string;
  /** `sha256:` of the canonical arguments. */
  readonly argumentsHash: string | undefined;
  readonly rule: string;
  readonly policyDigest: string;
  readonly sessionId: string;
}

export interface QuestionParts {
  readonly call: ToolCall;
  readonly tool: string;
  readonly decision: Decision;
  readonly server: string;
  readonly policyDigest: string;
  readonly sessionId: string;
  readonly timeoutMs: number;
}

/** @throws CodedError `JSON_TOO_DEEP` and other faults of arguments that have no canonical form */
export function newQuestion(parts: QuestionParts): Question {
  const { tool, decision } = parts;
  const id = randomBytes(16).toString('hex');
  const { subject, canonicalArguments } = subjectOf(parts);
  const askedAtMs = Date.now();
  return {
    id,
    digest: digestOf(subject, id),
    subject,
    tool,
    ruleDescription: decision.rule?.description ?? '',
    risk: decision.risk,
    arguments: canonicalArguments,
    askedAtMs,
    expiresAtMs: askedAtMs + parts.timeoutMs,
  };
}

/** What a call would be asked about now. */
export function subjectOf(parts: Omit<QuestionParts, 'tool' | 'timeoutMs'>): {
  readonly subject: Subject;
  readonly canonicalArguments: string | undefined;
} {
  const { call, decision, server, policyDigest, sessionId } = parts;
  const canonicalArguments =
    call.arguments === undefined ? undefined : canonicalizeText(call.arguments);
  const argumentsHash =
    canonicalArguments === undefined ? undefined : hashUri(nodeSuite, canonicalArguments);
  const rule = decision.rule?.name ?? '';
  const subject = { server, toolName: call.name, argumentsHash, rule, policyDigest, sessionId };
  return { subject, canonicalArguments };
}

/**
 * SHA-256 over the canonical form of everything that an answer is bound to. The nonce is the
 * question's id: the same call asked about twice has two digests.
 *
 * @see docs/adr/0025; RFC 8785
 */
export function digestOf(subject: Subject, nonce: string): string {
  const { server, toolName, argumentsHash = null, rule, policyDigest, sessionId } = subject;
  const bound = {
    arguments: argumentsHash,
    nonce,
    policy_digest: policyDigest,
    rule,
    server,
    session: sessionId,
    tool: toolName,
  };
  return hashUri(nodeSuite, canonicalize(bound));
}
