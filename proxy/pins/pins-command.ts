import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { parseFlags, renderFlags, type FlagSpec } from '../../shared/flags.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { Emitter } from '../../emitter/emitter.ts';
import { defaultSocketPath } from '../../emitter/default-socket.ts';
import { printable } from '../proxy-log.ts';
import { changesOf, changeLines, type Change } from './pin-changes.ts';
import { defaultPinFolder } from './open-tools.ts';
import { PinFile, pinFiles } from './pin-file.ts';
import { accepted, type Entry, type PinRecord } from './pin-record.ts';

const FLAGS = {
  pins: {
    type: 'string',
    placeholder: 'DIR',
    env: 'AGENTRECEIPTS_PINS',
    describe: 'where pins are kept',
    default: 'agent-receipts/pins in the data directory',
  },
  tool: { type: 'list', placeholder: 'NAME', describe: 'accept these tools only' },
  json: { type: 'boolean', describe: 'print JSON' },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    env: 'AGENTRECEIPTS_SOCKET',
    describe: 'daemon that records what was accepted; empty: none',
  },
} as const satisfies FlagSpec;

type Flags = ReturnType<typeof parseFlags<typeof FLAGS>>['flags'];

const HELP = `Usage: mcp-proxy pins list | diff [SERVER] | accept SERVER | forget SERVER

What was accepted of each server: its tools, its instructions and the command that starts it. Recorded
at first use; what changes later is a finding until somebody accepts it.

  list             servers with their pins, and how many differ from what was seen last
  diff [SERVER]    what differs, and how
  accept SERVER    take what was seen last for what is meant; -tool takes some of it
  forget SERVER    remove the pins: the next use is a first use

Flags:
${renderFlags(FLAGS)}
Exit status: 0; 1 when diff finds a difference or there is no such server; 2 for a wrong command line.
`;

interface Kept {
  readonly file: PinFile;
  readonly record: PinRecord;
}

/** `mcp-proxy pins`. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(FLAGS, args, { interspersed: true });
  const [verb = '', server, ...more] = positionals;
  if (help) return print(HELP);
  if (more.length > 0) throw new CodedError('USAGE', `pins ${verb}: too many arguments`);
  const folder = flags.pins ?? process.env['AGENTRECEIPTS_PINS'] ?? defaultPinFolder();
  switch (verb) {
    case 'list':
      return list(readAll(folder), flags);
    case 'diff':
      return diff(server === undefined ? readAll(folder) : find(folder, server), flags);
    case 'accept':
      return accept(find(folder, required(server, verb)), flags);
    case 'forget':
      return forget(find(folder, required(server, verb)));
    default:
      throw new CodedError('USAGE', 'pins needs one of list, diff, accept, forget');
  }
}

function required(server: string | undefined, verb: string): string {
  if (server === undefined) throw new CodedError('USAGE', `pins ${verb} needs a server`);
  return server;
}

function readAll(folder: string): readonly Kept[] {
  return pinFiles(folder).map((path) => {
    const file = new PinFile(path);
    return { file, record: file.read() };
  });
}

/** Under every command that it was started with. */
function find(folder: string, server: string): readonly Kept[] {
  const kept = readAll(folder).filter(({ record }) => record.server === server);
  if (kept.length > 0) return kept;
  throw new CodedError(
    'PINS_MISSING',
    `nothing is pinned of ${JSON.stringify(server)} in ${folder}`,
  );
}

function list(all: readonly Kept[], { json }: Flags): number {
  const rows = all.map(({ file, record }) => ({
    server: record.server,
    tools: [...record.tools.values()].filter(({ pinned }) => pinned !== undefined).length,
    differences: changesOf(record).length,
    complete: record.isComplete,
    launch: launchOf(record),
    file: file.path,
  }));
  if (json === true) return print(`${JSON.stringify(rows, undefined, 2)}\n`);
  if (rows.length === 0) return print('Nothing is pinned yet: a server is at its first use.\n');
  const lines = rows.map(({ server, tools, differences, complete, launch }) => {
    const what = differences === 0 ? 'as accepted' : `${differences} differ; see pins diff`;
    // A name that two clients use for two servers: the command tells them apart.
    const isAlone = rows.filter((row) => row.server === server).length === 1;
    const by = isAlone ? '' : ` (${launch.map(printable).join(' ')})`;
    return `${printable(server)}${by}: ${tools} tools${complete ? '' : ' so far'}, ${what}`;
  });
  return print(`${lines.join('\n')}\n`);
}

/** The command that a server was started with last, without what may be secret. */
function launchOf({ launch }: PinRecord): readonly string[] {
  const { content } = launch?.seen ?? launch?.pinned ?? {};
  return Array.isArray(content) ? (content as readonly JsonValue[]).map(String) : [];
}

function diff(all: readonly Kept[], { json }: Flags): number {
  const found = all
    .map(({ record }) => ({ server: record.server, changes: changesOf(record) }))
    .filter(({ changes }) => changes.length > 0);
  if (json === true) print(`${JSON.stringify(found, undefined, 2)}\n`);
  else if (found.length === 0) print('Everything is as it was accepted.\n');
  else {
    for (const { server, changes } of found) {
      print(`${printable(server)}\n${changes.flatMap(changeLines).join('\n')}\n`);
    }
  }
  return found.length === 0 ? 0 : 1;
}

async function accept(all: readonly Kept[], flags: Flags): Promise<number> {
  const { tool: names } = flags;
  const server = all[0]?.record.server ?? '';
  const unknown = names?.find((name) => all.every(({ record }) => !record.tools.has(name)));
  if (unknown !== undefined) {
    throw new CodedError('PINS_MISSING', `${server} has no tool ${JSON.stringify(unknown)}`);
  }
  const changes = all.flatMap(({ file }) => acceptIn(file, names));
  if (changes.length === 0) return print('Nothing differs from what was accepted.\n');
  for (const change of changes) print(`accepted: ${changeLines(change)[0]?.trim()}\n`);
  await tellDaemon(server, changes, flags);
  return 0;
}

function acceptIn(file: PinFile, names: readonly string[] | undefined): readonly Change[] {
  const isMeant = ({ what, name }: Change) =>
    names === undefined || (what === 'tool' && names.includes(name));
  let changes: readonly Change[] = [];
  const written = file.update((latest) => {
    // What differs at this moment, not a minute ago: it is what gets accepted.
    changes = changesOf(latest).filter(isMeant);
    return changes.length === 0 ? latest : acceptAll(latest, changes);
  });
  if (written === undefined) throw new CodedError('PINS_UNWRITABLE', `${file.path} is locked`);
  return changes;
}

function acceptAll(record: PinRecord, changes: readonly Change[]): PinRecord {
  const of = (what: Change['what']) => changes.some((change) => change.what === what);
  const tools = new Map(record.tools);
  for (const { what, name } of changes) {
    if (what !== 'tool') continue;
    const entry = accepted(tools.get(name) ?? {});
    if (entry === undefined) tools.delete(name);
    else tools.set(name, entry);
  }
  return {
    ...record,
    tools,
    ...acceptedMember('launch', of('launch') ? record.launch : undefined),
    ...acceptedMember('instructions', of('instructions') ? record.instructions : undefined),
  };
}

function acceptedMember(
  name: 'launch' | 'instructions',
  entry: Entry | undefined,
): Partial<PinRecord> {
  const next = entry === undefined ? undefined : accepted(entry);
  return next === undefined ? {} : { [name]: next };
}

function forget(all: readonly Kept[]): number {
  for (const { file } of all) rmSync(file.path, { force: true });
  const server = all[0]?.record.server ?? '';
  return print(`forgotten: ${printable(server)}; its next use is a first use\n`);
}

const RECORD_MS = 1500;

/** Who accepted what is part of the record, as far as there is a daemon to write it. */
async function tellDaemon(server: string, changes: readonly Change[], flags: Flags): Promise<void> {
  const socketPath = flags.socket ?? defaultSocketPath();
  if (socketPath === '') return;
  const emitter = new Emitter({ socketPath, sessionId: randomUUID() });
  emitter.start();
  const taken = changes
    .slice(0, 64)
    .map(({ what, name, digest }): JsonObject => ({ what, name, digest: digest ?? null }));
  emitter.emit({
    channel: 'mcp',
    tool: { server, name: 'pins/accept' },
    actionType: 'obsigna.pins.accepted',
    decision: 'allowed',
    decisionContext: { accepted: taken, count: changes.length },
  });
  const lost = await emitter.close(RECORD_MS);
  if (lost > 0) process.stderr.write('no receipt was written: the daemon cannot be reached\n');
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
