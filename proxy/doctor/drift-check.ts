import { CodedError } from '../../shared/errors.ts';
import { fail, note, ok, warn, type HealthCheck } from '../../shared/health/check.ts';
import { pinnedName } from '../pins/open-tools.ts';
import { changeLines, changesOf } from '../pins/pin-changes.ts';
import { pinFileOf } from '../pins/pin-file.ts';
import { afterSeeing, type Entry, type PinRecord } from '../pins/pin-record.ts';
import { instructionsVersion, launchVersion, toolVersion } from '../pins/tool-pin.ts';
import type { ServerReport } from './server-probe.ts';

/** Which pins are meant: as the proxy finds them. */
export interface PinnedServer {
  /** Empty where nothing is kept. */
  readonly folder: string;
  readonly serverName: string;
  readonly isNamed: boolean;
  readonly launch: readonly string[];
}

const CHECK = 'drift';
const MAX_SHOWN = 5;

/** Compares what the server just showed with what was accepted of it, and writes nothing down. */
export function driftCheck(server: PinnedServer, report: ServerReport, now: string): HealthCheck {
  const { folder } = server;
  if (folder === '') return note(CHECK, 'not known: -pins is empty, nothing is kept');
  const name = pinnedName(server);
  try {
    const record = pinFileOf(folder, name, launchVersion(server.launch, now).digest).read();
    if (!record.isComplete) {
      return note(CHECK, `nothing is pinned of ${name}: its first use records what it lists`);
    }
    const changes = changesOf(afterProbe(record, server.launch, report, now));
    if (changes.length === 0) {
      return ok(CHECK, `${record.tools.size} tools of ${name} are as they were accepted`);
    }
    const lines = changes.map((change) => (changeLines(change)[0] ?? '').trim());
    const more = lines.length > MAX_SHOWN ? `; and ${lines.length - MAX_SHOWN} more` : '';
    const reason = `${name} is not as it was accepted: ${lines.slice(0, MAX_SHOWN).join('; ')}${more}`;
    const fix = `use it once and read mcp-proxy pins diff ${name}; if it is meant: mcp-proxy pins accept ${name}`;
    return warn(CHECK, reason, fix);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return fail(CHECK, error.message, error.remedy);
  }
}

/** The record as it would stand after this session. */
function afterProbe(
  record: PinRecord,
  launch: readonly string[],
  { tools, instructions }: ServerReport,
  now: string,
): PinRecord {
  const listed = new Map<string, Entry>();
  for (const tool of tools) {
    const { name } = tool;
    if (typeof name !== 'string') continue;
    listed.set(
      name,
      afterSeeing(withoutGone(record.tools.get(name)), toolVersion(tool, now), false),
    );
  }
  for (const [name, entry] of record.tools) {
    if (!listed.has(name)) listed.set(name, { ...entry, gone: entry.gone ?? now });
  }
  return {
    ...record,
    tools: listed,
    launch: afterSeeing(record.launch, launchVersion(launch, now), record.launch === undefined),
    instructions: afterSeeing(
      record.instructions,
      instructionsVersion(instructions ?? null, now),
      record.instructions === undefined,
    ),
  };
}

function withoutGone({ pinned, seen }: Entry = {}): Entry {
  return { ...(pinned !== undefined && { pinned }), ...(seen !== undefined && { seen }) };
}
