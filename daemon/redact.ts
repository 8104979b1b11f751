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
 * Secrets by their shape. Every pattern is linear in the text, also in one made to stall it: no
 * repetition inside a repetition, and none that fails at its end can start again inside itself.
 *
 * @see Reference daemon, built-in redaction patterns; PKCS#8 blocks and `_` in `sk-` keys are ours
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
];

/**
 * Three base64url parts, the first two of JSON objects. Tried once per part, from its first `eyJ`:
 * when that one leads nowhere, a later one in the same part does not either.
 */
const JSON_WEB_TOKEN = /(?<![\w=-])((?:(?!eyJ)[\w=-])*)eyJ[\w=-]+\.eyJ[\w=-]+\.[\w=-]*/g;

const URL_PARAMETER = /([?&](?:access_token|token|api[_-]?key|apikey|key|auth)=)[^&\s"'<>[\]]+/gi;

/**
 * Takes secrets out of an error text before it is signed. Hashes are not touched by it: they are
 * taken over what really went over the wire.
 */
export function redact(text: string): string {
  let out = redactMembers(text);
  for (const pattern of PATTERNS) out = out.replace(pattern, REPLACEMENT);
  out = out.replace(JSON_WEB_TOKEN, `$1${REPLACEMENT}`);
  return out.replace(URL_PARAMETER, `$1${REPLACEMENT}`);
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
