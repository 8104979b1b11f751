import { encodeUtf8 } from '../shared/json/text.ts';
import { finding, type Finding, type FindingCode } from './finding.ts';
import { Needles } from './needles.ts';

/**
 * Looks for what a text may do to the model that reads it. Every check is a guess from outside, and
 * is a finding for that reason: it says what stands there, not what was meant. None of them costs
 * more than one pass over the text, whatever the text is.
 */

interface Check {
  readonly code: FindingCode;
  /** What is said about a hit; quotes nothing of the text. */
  readonly what: string;
  /**
   * One of these stands in lower case in every text that the pattern finds something in. Searching
   * for them costs a tenth of a pattern, and nearly all texts have none.
   */
  readonly needles: readonly string[];
  /** Without a quantifier that could run away: every one is bounded, or of a single class. */
  readonly pattern: RegExp;
}

// oxlint-disable-next-line no-control-regex -- NUL is where ASCII begins
const NOT_ASCII = /[^\0-\x7f]/;
const TAG_CHARACTERS = /[\u{e0000}-\u{e007f}]/u;
/** The only use of tags that anybody sees: the flags of Scotland, England, Wales. */
const FLAG = /\u{1f3f4}[\u{e0020}-\u{e007e}]{1,8}\u{e007f}/gu;

/** For texts with more than ASCII in them. */
const HIDDEN: readonly Omit<Check, 'needles'>[] = [
  { code: 'hidden_unicode', what: 'tag characters, which nobody sees', pattern: TAG_CHARACTERS },
  {
    code: 'hidden_unicode',
    what: 'characters of no width',
    pattern: /[\u200b\u2060-\u2064\u180e\u{1d173}-\u{1d17a}]|(?!^)\ufeff/u,
  },
  {
    // Joiners belong into other scripts and into emoji, but never between Latin letters.
    code: 'hidden_unicode',
    what: 'joiners between Latin letters',
    pattern: /[a-z](?:\u200c|\u200d|\u00ad|\u034f)+[a-z]/iu,
  },
  {
    code: 'hidden_unicode',
    what: 'controls that turn the direction of the text',
    pattern: /[\u202a-\u202e\u2066-\u2069]/u,
  },
  {
    // One stands behind an emoji; in a row they carry bytes.
    code: 'hidden_unicode',
    what: 'variation selectors in a row',
    pattern: /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2}/u,
  },
];

const INSTRUCTIONS: readonly Check[] = [
  {
    code: 'terminal_escape',
    what: 'control sequences of terminals',
    needles: ['\u001b', '\u009b', '\\x1b[', '\\033['],
    // oxlint-disable-next-line no-control-regex -- controls are what is looked for
    pattern: /[\u001b\u009b]|\\(?:x1b|033)\[/u,
  },
  { code: 'hidden_markup', what: 'an HTML comment', needles: ['<!--'], pattern: /<!--/u },
  {
    code: 'hidden_markup',
    what: 'text behind a long run of blanks',
    needles: [' '.repeat(60), '\t'.repeat(60)],
    pattern: /[ \t]{120}\S/u,
  },
  {
    code: 'instructions',
    what: 'markup that speaks to a model',
    needles: [
      '<important',
      '<system',
      '<instruction',
      '<secret',
      '<critical',
      '<assistant',
      '<hidden',
    ],
    pattern: /<(?:important|system|instructions?|secret|critical|assistant|hidden)\b[^<>]{0,40}>/iu,
  },
  {
    code: 'instructions',
    what: 'a request to ignore instructions',
    needles: ['ignore', 'disregard', 'forget', 'override'],
    pattern:
      /\b(?:ignore|disregard|forget|override)\s(?:all\s|any\s|the\s|your\s){0,3}(?:previous|prior|above|earlier|other|system)\s(?:instruction|prompt|rule|message|direction)/iu,
  },
  {
    code: 'instructions',
    what: 'a request to keep something from the user',
    needles: ['do not', "don't", 'never', 'without'],
    pattern:
      /\b(?:do not|don't|never|without)\s(?:ever\s)?(?:tell|inform|mention|notify|show|reveal|alert|telling|informing|mentioning|notifying|showing)\b[^.\n]{0,60}\b(?:user|human|person|anyone|them)\b/iu,
  },
  {
    code: 'instructions',
    what: 'an order about when tools are to be called',
    needles: [' tool'],
    pattern:
      /\b(?:before|after|whenever|instead of)\s(?:you\s)?(?:using|use|calling|call|invoking|invoke|running|run)\s(?:this|any|other|another|every|all)\s(?:other\s)?tools?\b/iu,
  },
  {
    code: 'instructions',
    what: 'an order to read, send or call something',
    needles: ['you must', 'you should', 'you have to', 'you need to'],
    pattern:
      /\byou (?:must|should|have to|need to) (?:always |first |also |now |immediately ){0,2}(?:read|send|call|invoke|execute|include|pass|upload|fetch)\b/iu,
  },
  {
    code: 'sensitive_path',
    what: 'the place of keys or of client settings',
    needles: [
      '.ssh',
      'id_rsa',
      'id_ed25519',
      'credentials',
      'mcp.json',
      'claude',
      '.netrc',
      '/etc/shadow',
    ],
    pattern:
      /~\/\.ssh\b|\bid_(?:rsa|ed25519)\b|\.aws\/credentials|\.(?:cursor|kiro)\/mcp\.json|claude_desktop_config|\.claude\.json|\.git-credentials|\.netrc\b|\/etc\/shadow\b/iu,
  },
];

/** Kinds of secrets that can be told by their form alone, as their makers intend. */
const SECRETS: readonly Check[] = [
  secret('a private key', ['private key'], /-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----/u),
  secret('an access key of AWS', ['akia', 'asia'], /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/u),
  secret(
    'a token of GitHub',
    ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    /\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{36}/u,
  ),
  secret('a token of GitLab', ['glpat-'], /\bglpat-[A-Za-z0-9_-]{20}/u),
  secret('a token of Slack', ['xox'], /\bxox[abeprs]-[A-Za-z0-9-]{10}/u),
  secret('a key of Stripe', ['k_live_'], /\b[rs]k_live_[A-Za-z0-9]{20}/u),
  secret('a key of Google', ['aiza'], /\bAIza[A-Za-z0-9_-]{35}/u),
  secret('a key of a model provider', ['sk-'], /\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32}/u),
  secret('a token of npm', ['npm_'], /\bnpm_[A-Za-z0-9]{36}/u),
];

function secret(what: string, needles: readonly string[], pattern: RegExp): Check {
  return { code: 'secret_in_result', what, needles, pattern };
}

/** More than this of a description no model reads either. */
const MAX_DESCRIPTION_CHARACTERS = 256 * 1024;
/** More than this of a result is not looked at: other messages wait meanwhile. Who asks says so. */
export const MAX_RESULT_BYTES = 32 * 1024;

class Checks {
  readonly #checks: readonly Check[];
  /** Any of the needles: one pass settles nearly every text. */
  readonly #anyNeedle: RegExp;

  constructor(checks: readonly Check[]) {
    const needles = checks.flatMap((check) => check.needles);
    const escaped = needles.map((needle) => needle.replace(/[\\[\].$]/g, '\\$&'));
    this.#checks = checks;
    this.#anyNeedle = new RegExp(escaped.join('|'));
  }

  in(text: string): readonly Omit<Check, 'needles'>[] {
    const hidden = hiddenIn(text);
    const lower = text.toLowerCase();
    if (!this.#anyNeedle.test(lower)) return hidden;
    const found = this.#checks.filter(
      ({ needles, pattern }) =>
        needles.some((needle) => lower.includes(needle)) && pattern.test(text),
    );
    return [...hidden, ...found];
  }
}

const FOR_DESCRIPTIONS = new Checks(INSTRUCTIONS);
const RESULT_CHECKS = [...INSTRUCTIONS, ...SECRETS];
const FOR_RESULTS = new Checks(RESULT_CHECKS);
/** What an escape may hide in a JSON text. A needle that is no plain text needs no search: see below. */
const ESCAPED = [
  ...'0123456789abcdef'.split('').map((digit) => `\\u${digit}`),
  '\\t'.repeat(60),
  '\\/etc\\/shadow',
];
/** Made when the first result is looked at: a start does not wait for it. */
let resultNeedles: Needles | undefined;

/** Whether `resultFindings` might find anything. Nearly no result may, and this tells at a glance. */
export function mayHoldFindings(json: Uint8Array): boolean {
  if (resultNeedles === undefined) {
    const plain = RESULT_CHECKS.flatMap(({ needles }) => needles).filter((needle) =>
      isPlainText(encodeUtf8(needle)),
    );
    resultNeedles = new Needles([...plain, ...ESCAPED]);
  }
  return !isPlainText(json) || resultNeedles.standIn(json);
}

/** What a server says of itself or of a tool: hidden text, and orders to a model. */
export function descriptionFindings(text: string): readonly Finding[] {
  const cut = text.slice(0, MAX_DESCRIPTION_CHARACTERS);
  return FOR_DESCRIPTIONS.in(cut).map(({ code, what }) => finding(code, what));
}

/**
 * What a tool has answered. A result may hold anything that somebody wrote somewhere, so that it is
 * told in other codes than what a server says of itself.
 *
 * @param json - Text of the result, or its beginning; longer than `MAX_RESULT_BYTES` it costs.
 */
export function resultFindings(json: string): readonly Finding[] {
  const found = FOR_RESULTS.in(shownText(json));
  return found.map(({ code, what }) => finding(IN_RESULT[code] ?? code, what));
}

const IN_RESULT: { readonly [code in FindingCode]?: FindingCode } = {
  hidden_unicode: 'hidden_in_result',
  terminal_escape: 'hidden_in_result',
  hidden_markup: 'hidden_in_result',
  instructions: 'instructions_in_result',
  sensitive_path: 'instructions_in_result',
};

/** ASCII without controls, as nearly every JSON text is. */
function isPlainText(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] as number;
    if (byte < 0x20 || byte >= 0x80) return false;
  }
  return true;
}

function hiddenIn(text: string): readonly Omit<Check, 'needles'>[] {
  if (!NOT_ASCII.test(text)) return [];
  const shown = TAG_CHARACTERS.test(text) ? text.replace(FLAG, '') : text;
  return HIDDEN.filter(({ pattern }) => pattern.test(shown));
}

/** Names that are words as well would be found everywhere. */
const DISTINCTIVE = /^(?=.{6,128}$)[\w.-]*[_.-][\w.-]*$|^(?=.{8,128}$)[a-z]+[A-Z]\w*$/;

/**
 * Tools of other servers that a text names.
 *
 * @param others - Names by server. Those that this server has as well are nobody else's.
 */
export function foreignToolFindings(
  text: string,
  own: ReadonlySet<string>,
  others: ReadonlyMap<string, string>,
): readonly Finding[] {
  const words = new Set(text.slice(0, MAX_DESCRIPTION_CHARACTERS).match(/[\w.-]{6,128}/g) ?? []);
  for (const word of words) words.add(word.replace(/[.-]+$/, '')); // the end of a sentence
  const found = [...words].filter(
    (word) => DISTINCTIVE.test(word) && others.has(word) && !own.has(word),
  );
  return found
    .slice(0, 3)
    .map((word) => finding('other_server_tool', `names ${word} of server ${others.get(word)}`));
}

/**
 * The text that a JSON text shows to whoever decodes it, for looking only: structure stays, escapes
 * are resolved. Far cheaper than decoding, and it works on a text that was cut anywhere.
 */
export function shownText(json: string): string {
  if (!json.includes('\\')) return json;
  return json.replace(/\\(?:u([\da-fA-F]{4})|(["\\/bfnrt]))/g, (_, hex?: string, plain?: string) =>
    hex === undefined
      ? (ESCAPES[plain ?? ''] ?? '')
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
