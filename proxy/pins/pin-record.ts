import { CodedError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Version } from './tool-pin.ts';

/** What is known of one thing: what was accepted, and what is there instead. */
export interface Entry {
  /** Recorded at first use or accepted by a person; absent for what came later. */
  readonly pinned?: Version;
  /** What was seen last, where it is not what is pinned. */
  readonly seen?: Version;
  /** Since when the server does not list it any more. */
  readonly gone?: string;
}

/** Everything that is pinned of one server. */
export interface PinRecord {
  readonly server: string;
  /** The first list was read to its end: what comes later is new. */
  readonly isComplete: boolean;
  readonly launch?: Entry;
  readonly instructions?: Entry;
  readonly tools: ReadonlyMap<string, Entry>;
}

/** Raised when what is written could not be read by an older version. */
const FORMAT = 1;

export function emptyRecord(server: string): PinRecord {
  return { server, isComplete: false, tools: new Map() };
}

/**
 * What is known after this state was seen.
 *
 * @param isFirstUse - Nobody has seen a state of this before: it becomes the pin.
 */
export function afterSeeing(entry: Entry = {}, now: Version, isFirstUse: boolean): Entry {
  const { pinned, seen } = entry;
  if (pinned === undefined && isFirstUse) return { pinned: now };
  if (pinned?.digest === now.digest) return { pinned };
  const kept = seen?.digest === now.digest ? seen : now;
  return pinned === undefined ? { seen: kept } : { pinned, seen: kept };
}

/** What was seen becomes what is pinned; nothing is left of what is gone. */
export function accepted({ pinned, seen, gone }: Entry): Entry | undefined {
  if (gone !== undefined) return undefined;
  const next = seen ?? pinned;
  return next === undefined ? undefined : { pinned: next };
}

export function isDifferent({ pinned, seen, gone }: Entry): boolean {
  return pinned === undefined || seen !== undefined || gone !== undefined;
}

/** The text of a pin file. Tools are a list: names of a server make no members. */
export function writeRecord(record: PinRecord): string {
  const { server, isComplete, launch, instructions, tools } = record;
  const value = {
    format: FORMAT,
    server,
    complete: isComplete,
    ...(launch !== undefined && { launch }),
    ...(instructions !== undefined && { instructions }),
    tools: [...tools].map(([name, entry]) => ({ name, ...entry })),
  };
  return `${JSON.stringify(value, undefined, 1)}\n`;
}

/** @throws CodedError `PINS_UNREADABLE` */
export function readRecord(text: string, file: string): PinRecord {
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new CodedError('PINS_UNREADABLE', `${file} is not JSON`, { cause });
  }
  const broken = (what: string) => new CodedError('PINS_UNREADABLE', `${file}: ${what}`);
  if (!isJsonObject(value)) throw broken('not an object');
  const { format, server, complete, launch, instructions, tools } = value;
  if (format !== FORMAT) throw broken(`format ${JSON.stringify(format)}, this version reads 1`);
  if (typeof server !== 'string') throw broken('no server');
  if (!Array.isArray(tools)) throw broken('no list of tools');
  const entries = (tools as readonly JsonValue[]).map((tool): [string, Entry] => {
    if (!isJsonObject(tool) || typeof tool['name'] !== 'string')
      throw broken('a tool without name');
    return [tool['name'], readEntry(tool, broken)];
  });
  return {
    server,
    isComplete: complete === true,
    ...(isJsonObject(launch) && { launch: readEntry(launch, broken) }),
    ...(isJsonObject(instructions) && { instructions: readEntry(instructions, broken) }),
    tools: new Map(entries),
  };
}

type Broken = (what: string) => CodedError;

function readEntry({ pinned, seen, gone }: JsonObject, broken: Broken): Entry {
  return {
    ...(pinned !== undefined && { pinned: readVersion(pinned, broken) }),
    ...(seen !== undefined && { seen: readVersion(seen, broken) }),
    ...(typeof gone === 'string' && { gone }),
  };
}

function readVersion(value: JsonValue, broken: Broken): Version {
  if (!isJsonObject(value)) throw broken('a pin that is no object');
  const { digest, at, content = null } = value;
  if (typeof digest !== 'string' || typeof at !== 'string') throw broken('a pin without digest');
  return { digest, at, content };
}
