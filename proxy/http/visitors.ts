import { Buffer } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { valuesOf, withoutPairs, type RawHeaders } from './headers.ts';

/** Who may talk to us. */
export interface VisitorRules {
  /** Names of this listener beside `localhost` and addresses, in lower case. */
  readonly hosts: readonly string[];
  /** Web pages that may, by their origin; ours may without. */
  readonly origins: readonly string[];
  /** What everybody has to know, if anything. */
  readonly token: string | undefined;
}

export interface Rejection {
  readonly status: 400 | 401 | 403;
  readonly reason: string;
}

/**
 * Turns away whoever is not meant: a page in somebody's browser that has bound its own name to our
 * address, a page of another origin, and without the token everybody.
 *
 * @see MCP 2025-11-25, "Streamable HTTP", security warning
 */
export function rejectVisitor(headers: RawHeaders, rules: VisitorRules): Rejection | undefined {
  const [host, secondHost] = valuesOf(headers, 'host');
  if (host === undefined || secondHost !== undefined)
    return { status: 400, reason: 'one Host header is needed' };
  if (!isOurName(host, rules.hosts)) return { status: 403, reason: 'this Host is not ours' };
  const own = [`http://${host}`.toLowerCase(), ...rules.origins];
  const isForeign = valuesOf(headers, 'origin').some((it) => !own.includes(it.toLowerCase()));
  if (isForeign) return { status: 403, reason: 'this Origin may not use us' };
  const { token } = rules;
  if (token !== undefined && !tokensIn(headers).some(({ value }) => isSame(value, token)))
    return { status: 401, reason: 'the token is missing or wrong' };
  return undefined;
}

/** The headers without our token, which is no business of the server. */
export function withoutToken(headers: RawHeaders, token: string | undefined): RawHeaders {
  if (token === undefined) return headers;
  return withoutPairs(headers, (name, value) => {
    const isCredential = name === 'authorization' || name === 'proxy-authorization';
    return isCredential && isSame(bearerOf(value), token);
  });
}

function tokensIn(headers: RawHeaders): readonly { readonly value: string }[] {
  return ['proxy-authorization', 'authorization'].flatMap((name) =>
    valuesOf(headers, name).map((value) => ({ value: bearerOf(value) })),
  );
}

function bearerOf(value: string): string {
  return /^bearer +(\S+) *$/i.exec(value)?.[1] ?? '';
}

/** An address cannot be rebound as a name can; and the names that the operator gave are ours. */
function isOurName(host: string, names: readonly string[]): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host)?.[1]?.toLowerCase() ?? '';
  const bare = name.replace(/^\[|\]$/g, '');
  return bare !== '' && (isIP(bare) !== 0 || name === 'localhost' || names.includes(bare));
}

/** Takes as long for a near miss as for anything else. */
function isSame(given: string, expected: string): boolean {
  const digest = (value: string) => Buffer.from(hash('sha256', value, 'hex'), 'hex');
  return timingSafeEqual(digest(given), digest(expected));
}
