import { readFileSync } from 'node:fs';
import { homeFolder } from '../../emitter/default-socket.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { defaultPaths } from '../../shared/paths.ts';
import { findingsMember, MAX_TOLD } from '../finding-context.ts';
import { printable, type ProxyLog } from '../proxy-log.ts';
import type { Recorder } from '../recorder.ts';
import { PinBook } from './pin-book.ts';
import { pinFileOf, pinFiles } from './pin-file.ts';
import { readRecord } from './pin-record.ts';
import { ServerTools, type ServerNotice } from './server-tools.ts';
import { launchVersion } from './tool-pin.ts';

export interface OpenToolsOptions {
  /** As rules and receipts call the server. */
  readonly serverName: string;
  /** Whether the operator gave that name. */
  readonly isNamed: boolean;
  readonly launch: readonly string[];
  /** Where pins are kept; empty for pins that end with the session. */
  readonly folder: string;
  readonly recorder: Recorder;
  readonly log: ProxyLog;
}

/** Where pins are unless somebody said otherwise; empty where no place is known. */
export function defaultPinFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { dataDir } = defaultPaths({ env, platform: process.platform, home: homeFolder() });
  return dataDir === '' ? '' : `${dataDir}/pins`;
}

/** What is known of the tools of one server, kept from session to session. */
export function openTools(options: OpenToolsOptions): ServerTools {
  const { folder, launch } = options;
  let book: PinBook | undefined;
  return new ServerTools({
    get book() {
      return (book ??= openBook(options));
    },
    launch,
    foreignTools: () => foreignTools(folder, pinnedName(options)),
    notice: (notice) => tell(notice, pinnedName(options), options),
    now: () => new Date(),
  });
}

function openBook(options: OpenToolsOptions): PinBook {
  const { folder, launch, log } = options;
  const name = pinnedName(options);
  const { digest } = launchVersion(launch, '');
  const file = folder === '' ? undefined : pinFileOf(folder, name, digest);
  return new PinBook(name, file, ({ message, remedy, code }) =>
    log(`pins: ${message}; ${remedy} [${code}]`),
  );
}

/**
 * The name that pins stand under. A server that nobody named is called after its command, as many
 * servers are: there the whole command line says which one it is.
 */
export function pinnedName({
  serverName,
  isNamed,
  launch,
}: Pick<OpenToolsOptions, 'serverName' | 'isNamed' | 'launch'>): string {
  if (isNamed) return serverName;
  const { digest } = launchVersion(launch, '');
  return `${serverName}-${digest.slice('sha256:'.length).slice(0, 12)}`;
}

/** Pins of the others are a help and no condition: a file that cannot be read has no names. */
function foreignTools(folder: string, own: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (folder === '') return names;
  for (const path of readable(() => pinFiles(folder)) ?? []) {
    const record = readable(() => readRecord(readFileSync(path, 'utf8'), path));
    if (record === undefined || record.server === own) continue;
    for (const name of record.tools.keys()) names.set(name, record.server);
  }
  return names;
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError || (error as NodeJS.ErrnoException).code !== undefined)
      return undefined;
    throw error;
  }
}

function tell(notice: ServerNotice, name: string, { log, recorder }: OpenToolsOptions): void {
  const { method, pinned, findings } = notice;
  if (pinned > 0) log(`pins: ${pinned} tools of ${printable(name)} recorded at first use`);
  for (const { code, text } of findings.slice(0, MAX_TOLD)) log(`FINDING ${code} ${text}`);
  if (findings.length > MAX_TOLD) log(`FINDING and ${findings.length - MAX_TOLD} more`);
  const context: JsonObject = {
    action: 'pass',
    ...(pinned > 0 && { pinned }),
    ...findingsMember(findings),
  };
  const actionType = findings.length > 0 ? 'obsigna.server.findings' : 'obsigna.server.pinned';
  recorder.stated({ tool: method, actionType, decision: 'allowed', context });
}
