import { parseGoDuration } from './duration.ts';
import { CodedError } from './errors.ts';

// Whoever declares flags needs these beside them.
export { formatGoDuration, parseGoDuration } from './duration.ts';
export { renderFlags, renderRows } from './flag-help.ts';

export type FlagType = 'string' | 'list' | 'boolean' | 'integer' | 'duration';

/** One option of a program. `env` and `default` are shown in help; who reads them is the program. */
export interface Flag {
  readonly type: FlagType;
  readonly describe: string;
  /** Stands for the value in help: `PATH`, `N`. */
  readonly placeholder?: string;
  readonly env?: string;
  /** A duration in milliseconds; text when the default is not a fixed value. */
  readonly default?: string | number | boolean;
}

export type FlagSpec = Readonly<Record<string, Flag>>;

interface ValueOf {
  string: string;
  /** Separated by commas, given several times, or both. */
  list: readonly string[];
  boolean: boolean;
  integer: number;
  /** Milliseconds. */
  duration: number;
}

/** What was given, by name. A flag that was not given is undefined: defaults belong to the caller. */
export type FlagValues<S extends FlagSpec> = {
  readonly [name in keyof S]: ValueOf[S[name]['type']] | undefined;
};

export interface ParsedFlags<S extends FlagSpec> {
  readonly flags: FlagValues<S>;
  readonly positionals: readonly string[];
  /** `-h`, `-help` or `--help` was found; what stands behind it was not looked at. */
  readonly help: boolean;
}

export interface FlagOptions {
  /** Flags may follow positionals, as in `show 3 --json`; `--` still ends them. */
  readonly interspersed?: boolean;
}

type Value = string | readonly string[] | number | boolean;

/**
 * Reads arguments as programs written in Go do: `-x v`, `--x v`, `-x=v`, `--x=v`; booleans `-b` or
 * `-b=false`, never `-b false`; the first word that is no flag, or `--`, ends the flags; the last
 * occurrence wins, except that those of a list add up.
 *
 * @throws CodedError `USAGE`, in the words that Go programs use
 */
export function parseFlags<const S extends FlagSpec>(
  spec: S,
  args: readonly string[],
  { interspersed = false }: FlagOptions = {},
): ParsedFlags<S> {
  const values = new Map<string, Value>();
  const positionals: string[] = [];
  let help = false;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    if (word === '--') {
      positionals.push(...args.slice(at + 1));
      break;
    }
    if (word.length < 2 || !word.startsWith('-')) {
      positionals.push(...args.slice(at, interspersed ? at + 1 : undefined));
      if (interspersed) continue;
      break;
    }
    const { name, attached } = splitFlag(word);
    const flag = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (flag === undefined) {
      if (name !== 'h' && name !== 'help') throw usage(`flag provided but not defined: -${name}`);
      help = true;
      break;
    }
    let text = attached;
    if (text === undefined && flag.type === 'boolean') text = 'true';
    if (text === undefined) {
      at += 1;
      text = args[at];
    }
    if (text === undefined) throw usage(`flag needs an argument: -${name}`);
    const value = parseValue(flag, text, name);
    const before = values.get(name);
    const adds = Array.isArray(before) && Array.isArray(value);
    values.set(name, adds ? [...(before as string[]), ...(value as string[])] : value);
  }
  return { flags: collect(spec, values), positionals, help };
}

/**
 * The values that the environment gives, under the same rules as the flags. An empty variable
 * counts as unset.
 *
 * @throws CodedError `USAGE` naming the variable
 */
export function readFlagEnvironment<const S extends FlagSpec>(
  spec: S,
  env: Readonly<Record<string, string | undefined>>,
): FlagValues<S> {
  const values = new Map<string, Value>();
  for (const [name, flag] of Object.entries(spec)) {
    const text = flag.env === undefined ? undefined : env[flag.env];
    if (text === undefined || text === '') continue;
    try {
      values.set(name, parseValue(flag, text, name));
    } catch (cause) {
      throw usage(`${flag.env}: ${(cause as Error).message}`);
    }
  }
  return collect(spec, values);
}

function splitFlag(word: string): { name: string; attached: string | undefined } {
  const body = word.slice(word.startsWith('--') ? 2 : 1);
  if (body === '' || body.startsWith('-') || body.startsWith('=')) {
    throw usage(`bad flag syntax: ${word}`);
  }
  const equals = body.indexOf('=');
  if (equals === -1) return { name: body, attached: undefined };
  return { name: body.slice(0, equals), attached: body.slice(equals + 1) };
}

function parseValue(flag: Flag, text: string, name: string): Value {
  if (flag.type === 'string') return text;
  if (flag.type === 'list') return parseList(text, name);
  if (flag.type === 'duration') return parseDuration(text, name);
  if (flag.type === 'boolean') {
    const value = parseGoBoolean(text);
    if (value !== undefined) return value;
    throw usage(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
  }
  // Go reads 010 as eight; refused here, because nobody who types it means that.
  const value = /^[+-]?(?:0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw usage(`invalid value ${JSON.stringify(text)} for flag -${name}: not a whole number`);
}

function parseList(text: string, name: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim());
  if (!items.includes('')) return items;
  throw usage(`invalid value ${JSON.stringify(text)} for flag -${name}: an empty entry`);
}

function parseDuration(text: string, name: string): number {
  try {
    return parseGoDuration(text);
  } catch (error) {
    const cause = (error as Error).message;
    throw usage(`invalid value ${JSON.stringify(text)} for flag -${name}: ${cause}`);
  }
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** The spellings that Go's ParseBool knows; undefined for every other text. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : undefined;
}

function collect<S extends FlagSpec>(spec: S, values: ReadonlyMap<string, Value>): FlagValues<S> {
  const names = Object.keys(spec);
  return Object.fromEntries(names.map((name) => [name, values.get(name)])) as FlagValues<S>;
}

function usage(message: string): CodedError {
  return new CodedError('USAGE', message);
}
