import { readFileSync, statSync } from 'node:fs';
import { parse, TomlError, type TomlTable } from 'smol-toml';
import { CodedError } from '../shared/errors.ts';
import type { Flag, FlagValues } from '../shared/flags.ts';
import { parseGoDuration } from '../shared/flags.ts';
import { suggestWord } from '../shared/suggest.ts';
import { locateKeys, type KeyPlace } from './toml-keys.ts';

/** A setting of the daemon: a flag that may also stand in the configuration file. */
export interface Setting extends Flag {
  /** Its name in `daemon.toml`; a flag without one is an action, not a setting. */
  readonly toml?: string;
  /** Takes effect on reload; every other setting needs a restart. */
  readonly live?: true;
  /** Empty text says that there is none, as `-print-config` writes it. */
  readonly mayBeEmpty?: true;
  /** The text for values of further types; undefined for what cannot be a value. */
  readonly fromToml?: (value: unknown) => string | undefined;
  /** Why a value of the right type cannot work; undefined when it can. */
  readonly check?: (value: never) => string | undefined;
}

export type SettingSpec = Readonly<Record<string, Setting>>;

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads `daemon.toml`. Every mistake is an error with file, line and column: a setting that is
 * passed over in silence is one that its writer believes to be in force.
 *
 * @param isOptional - A file that is not there gives no values, instead of an error.
 * @throws CodedError `CONFIG_INVALID`
 */
export function readConfigFile<const S extends SettingSpec>(
  spec: S,
  path: string,
  isOptional: boolean,
): FlagValues<S> {
  const text = readText(path, isOptional);
  return (text === undefined ? {} : parseConfig(spec, path, text)) as FlagValues<S>;
}

function readText(path: string, isOptional: boolean): string | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new CodedError('CONFIG_INVALID', `${path} is not a regular file`);
    if (stat.size > MAX_FILE_BYTES) {
      throw new CodedError('CONFIG_INVALID', `${path} has ${stat.size} bytes, limit 1 MiB`);
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && isOptional) return undefined;
    const what = code === 'ENOENT' ? 'there is no such file' : message;
    throw new CodedError('CONFIG_INVALID', `config ${path}: ${what}`, { cause });
  }
}

/** The values in a TOML text, by flag name. Throws as `readConfigFile`; `path` is for its words. */
export function parseConfig(
  spec: SettingSpec,
  path: string,
  text: string,
): FlagValues<SettingSpec> {
  const table = parseToml(path, text);
  const names = new Map(Object.entries(spec).map(([name, { toml }]) => [toml, name]));
  const values: Record<string, string | number | boolean> = {};
  const known = [...names.keys()].filter((key) => key !== undefined);
  for (const place of locateKeys(text)) {
    const name = names.get(place.key);
    const reject = (what: string) => invalid(path, place, what);
    if (name === undefined) {
      const near = suggestWord(place.key, known);
      const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`;
      throw reject(`unknown key "${place.key}"; ${hint}`);
    }
    const setting = spec[name] as Setting;
    values[name] = convert(setting, place.key, table[place.key], reject);
    const fault = setting.check?.(values[name] as never);
    if (fault !== undefined) throw reject(`${place.key} ${fault}`);
  }
  return values;
}

function parseToml(path: string, text: string): TomlTable {
  try {
    return parse(text, { maxDepth: 32 });
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [first = ''] = cause.message.split('\n');
    const words = first.replace('Invalid TOML document: ', '');
    throw invalid(path, cause, words.replace(/^trying to redefine an already .*/, 'duplicate key'));
  }
}

const EXPECTED = {
  string: 'a string',
  boolean: 'true or false',
  integer: 'a whole number',
  duration: 'a duration in quotes, such as "200ms"',
  list: 'a string',
} as const satisfies Record<Flag['type'], string>;

function convert(
  { type, fromToml, mayBeEmpty }: Setting,
  key: string,
  written: unknown,
  reject: (what: string) => CodedError,
): string | number | boolean {
  const value = fromToml?.(written) ?? written;
  const wrong = () => reject(`${key} is ${describe(value)}, expected ${EXPECTED[type]}`);
  if (type === 'boolean') {
    if (typeof value !== 'boolean') throw wrong();
    return value;
  }
  if (type === 'integer') {
    if (!Number.isSafeInteger(value)) throw wrong();
    return value as number;
  }
  if (typeof value !== 'string') throw wrong();
  if (value === '' && mayBeEmpty !== true)
    throw reject(`${key} is empty; leave the line out for the default`);
  if (type === 'string') return value;
  try {
    return parseGoDuration(value);
  } catch (cause) {
    throw reject(`${key}: ${(cause as Error).message}`);
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'object') return 'a table';
  return JSON.stringify(value);
}

function invalid(path: string, { line, column }: Omit<KeyPlace, 'key'>, what: string): CodedError {
  return new CodedError('CONFIG_INVALID', `${path}:${line}:${column}: ${what}`);
}
