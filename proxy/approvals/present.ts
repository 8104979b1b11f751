import type { JsonObject } from '../../shared/json/value.ts';
import type { Question } from './question.ts';

/** What a person looks at is short; the whole is named by its hash. */
const MAX_SHOWN = 8 * 1024;
const MAX_NAME = 256;

/**
 * A question for whoever shows it. The arguments are canonical JSON as text: they come from the
 * agent, and must not become members of what is shown around them.
 */
export function presentQuestion(question: Question): JsonObject {
  const { id, digest, subject, tool, ruleDescription, risk, askedAtMs, expiresAtMs } = question;
  return {
    id,
    digest,
    server: named(subject.server),
    tool: named(tool),
    tool_name: named(subject.toolName),
    rule: named(subject.rule),
    rule_description: ruleDescription.slice(0, MAX_SHOWN).toWellFormed(),
    risk: {
      score: risk.score,
      reasons: risk.reasons.map(({ reason, points }) => ({ reason, points })),
    },
    ...presentArguments(question),
    session: subject.sessionId,
    policy_digest: subject.policyDigest,
    asked_at: new Date(askedAtMs).toISOString(),
    expires_at: new Date(expiresAtMs).toISOString(),
  };
}

function presentArguments({ arguments: text, subject }: Question): JsonObject {
  if (text === undefined) return {};
  const isCut = text.length > MAX_SHOWN;
  return {
    arguments: isCut ? text.slice(0, MAX_SHOWN).toWellFormed() : text,
    ...(isCut && { arguments_cut: true }),
    arguments_hash: subject.argumentsHash ?? '',
  };
}

/** An agent can make up names of megabytes. */
function named(name: string): string {
  if (name.length <= MAX_NAME) return name;
  return `${name.slice(0, MAX_NAME).toWellFormed()}... (${name.length} characters)`;
}
