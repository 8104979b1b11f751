import type { Buffer } from 'node:buffer';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Answer } from './door.ts';
import { CHOICES } from './question-text.ts';

/** What the client heard; `undefined` where nobody decided: the form was closed, or never shown. */
export type Choice = Pick<Answer, 'verdict' | 'grant'> | undefined;

/**
 * Reads an elicitation result. Only the exact words of the form are a yes.
 *
 * @see MCP 2025-06-18, "Elicitation", response actions
 */
export function readChoice(result: JsonValue | undefined): Choice {
  if (!isJsonObject(result)) return undefined;
  const { action, content } = result;
  if (action === 'decline') return { verdict: 'deny' };
  if (action !== 'accept' || !isJsonObject(content)) return undefined;
  switch (content['decision']) {
    case CHOICES.approve:
      return { verdict: 'approve' };
    case CHOICES.call:
      return { verdict: 'approve', grant: 'call' };
    case CHOICES.session:
      return { verdict: 'approve', grant: 'session' };
    default:
      return { verdict: 'deny' };
  }
}

/** Whether the client has a form to show: a capability that names no mode means forms. */
export function canShowForms(capabilities: JsonValue | undefined): boolean {
  const elicitation = isJsonObject(capabilities) ? capabilities['elicitation'] : undefined;
  if (!isJsonObject(elicitation)) return false;
  return isJsonObject(elicitation['form']) || !isJsonObject(elicitation['url']);
}

/** For text that was scanned before. */
export function valueOf(text: Buffer | undefined): JsonValue | undefined {
  return text === undefined ? undefined : parseJson(decodeUtf8(text));
}
