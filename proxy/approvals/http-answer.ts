import { CodedError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json/text.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import { GRANT_SCOPES, type Answer, type GrantScope } from './door.ts';

const LIMITS = { reason: 1000, approver: 200, digest: 100 } as const;
const KNOWN = [...Object.keys(LIMITS), 'grant'];

/**
 * Reads the body of an answer. It is optional, as callers of the protocol send none; one that
 * begins like an object has to be right, so that no wish in it is passed over.
 *
 * @throws CodedError `USAGE` naming the member
 */
export function readAnswerBody(text: string): Pick<Answer, 'by' | 'reason' | 'grant' | 'digest'> {
  const by = 'holder of the token';
  if (!text.trimStart().startsWith('{')) return { by };
  const body = parseJson(text);
  if (!isJsonObject(body)) throw new CodedError('USAGE', 'the body is not an object');
  const unknown = Object.keys(body).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    const message = `unknown member ${JSON.stringify(unknown.slice(0, 50))}, expected ${KNOWN.join(', ')}`;
    throw new CodedError('USAGE', message);
  }
  const member = (name: keyof typeof LIMITS) => {
    const { [name]: value } = body;
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '' && value.length <= LIMITS[name]) return value;
    throw new CodedError('USAGE', `${name} is not a text of 1 to ${LIMITS[name]} characters`);
  };
  const { grant } = body;
  if (grant !== undefined && !GRANT_SCOPES.some((scope) => scope === grant)) {
    throw new CodedError('USAGE', `grant is not one of ${GRANT_SCOPES.join(', ')}`);
  }
  return {
    by: member('approver') ?? by,
    reason: member('reason'),
    digest: member('digest'),
    grant: grant as GrantScope | undefined,
  };
}
