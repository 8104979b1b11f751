import { isJsonObject, type JsonValue } from '../shared/json/value.ts';
import { parseJson } from '../shared/json/text.ts';

const REPLACEMENT = '[REDACTED]';

/** Member names whose values never reach a receipt, compared in lower case. */
const SENSITIVE_NAMES = new Set(
  `password token api_key apikey secret authorization private_key privatekey access_token
  refresh_token client_secret credentials session_token session_id sessionid auth_token cookie
  set-cookie x-api-key bearer jwt signing_key encryption_key database_url connection_string dsn
  ssh_key passphrase pin`.split(/\s+/),
);

/**
 * Secrets by their shape, whole. Every pattern is linear in the text, also in one made to stall it:
 * no repetition inside a repetition, and none that fails at its end can start again inside itself.
 *
 * @see Reference daemon, built-in redaction patterns. Ours beyond them: PKCS#8 blocks, `_` in `sk-`
 *   keys, GitLab, Google, Stripe, npm; docs/redaction.md lists all
 */
const PATTERNS: readonly RegExp[] = [
  /ghp_[A-Za-z0-9]{36,}/g,
  /github_pat_[A-Za-z0-9_]{82}/g,
  /gho_[A-Za-z0-9]{36,}/g,
  /ghs_[A-Za-z0-9]{36,}/g,
  /ghu_[A-Za-z0-9]{36,}/g,
  /v1\.[a-f0-9]{40,}/g,
  /sk-[A-Za-z0-9_-]{20,}/g,
  /AKIA[A-Z0-9]{16}/g,
  /Bearer[\t\n\f\r ]+[A-Za-z0-9._\-/+=]{20,}/g,
  /xox[bpras]-[A-Za-z0-9-]+/g,
  /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[\s\S]*?(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|$)/g,
  /gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)*/g,
  /AIza[A-Za-z0-9_-]{35}/g,
  /ya29\.[A-Za-z0-9._-]{20,}/g,
  /GOCSPX-[A-Za-z0-9_-]{28}/g,
  /[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g,
  /whsec_[A-Za-z0-9+/=]{24,}/g,
  /npm_[A-Za-z0-9]{36,}/g,
];

/** Secrets behind a name that stays: whoever reads the error must still see what failed where. */
const NAMED_SECRETS: readonly RegExp[] = [
  // Three base64url parts, the first two of JSON objects. Tried once per part, from its first
  // `eyJ`: when that one leads nowhere, a later one in the same part does not either.
  /(?<![\w=-])((?:(?!eyJ)[\w=-])*)eyJ[\w=-]+\.eyJ[\w=-]+\.[\w=-]*/g,
  /([?&](?:access_token|token|api[_-]?key|apikey|key|auth)=)[^&\s"'<>[\]]+/gi,
  // Azure: storage and bus keys in connection strings, signatures of shared access.
  /((?:AccountKey|SharedAccessKey)=)[A-Za-z0-9+/]{20,}={0,2}/gi,
  /([?&;\s"']sig=)[A-Za-z0-9%+/=_-]{16,}/gi,
  /(https:\/\/hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/)[\w/+-]+/gi,
  // `scheme://user:password@host`; the last `@` before a slash ends the password, as URLs have it.
  /(:\/\/[^\s:/?#@"'<>]*:)[^\s/?#"'<>]+(?=@)/g,
  // Connection strings of databases: `Password=...;`, `password='...'`.
  /(\b(?:password|passwd|pwd)=)(?!\[REDACTED\])(?:'[^'\n]*'|"[^"\n]*"|[^&;\s"'<>[\]]+)/gi,
];

export type Redactor = (text: string) => string;

/** A redactor with patterns of the operator, which come after the built-in ones. */
export function createRedactor(custom: readonly RegExp[]): Redactor {
  if (custom.length === 0) return redact;
  return (text) => {
    try {
      return custom.reduce((out, pattern) => out.replace(pattern, REPLACEMENT), redact(text));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return REPLACEMENT; // the engine ran out of stack: nobody can say what the text holds
    }
  };
}

/**
 * Takes secrets out of an error text before it is signed. Hashes are not touched by it: they are
 * taken over what really went over the wire.
 */
export function redact(text: string): string {
  let out = redactMembers(text);
  for (const pattern of PATTERNS) out = out.replace(pattern, REPLACEMENT);
  for (const pattern of NAMED_SECRETS) out = out.replace(pattern, `$1${REPLACEMENT}`);
  return out;
}

/** When the whole text is JSON, values of sensitive members go, whatever their type. */
function redactMembers(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    return text; // not JSON after all: the patterns below still see it
  }
  let found = false;
  const replace = (name: string, member: unknown) => {
    if (!SENSITIVE_NAMES.has(name.toLowerCase())) return sorted(member as JsonValue);
    found = true;
    return REPLACEMENT;
  };
  try {
    const clean = JSON.stringify(value, replace);
    return found ? clean : text;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return REPLACEMENT; // nested beyond the stack: nobody can say what it holds
  }
}

function sorted(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
