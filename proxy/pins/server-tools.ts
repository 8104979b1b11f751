import { descriptionFindings, foreignToolFindings } from '../../policy/text-findings.ts';
import { finding, isDrift, type Finding } from '../../policy/finding.ts';
import { CodedError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import { printable } from '../proxy-log.ts';
import type { SurveyRequest } from '../inspect.ts';
import type { Answer } from '../server-message.ts';
import type { PinBook } from './pin-book.ts';
import { afterSeeing, type Entry, type PinRecord } from './pin-record.ts';
import { readInstructions, readToolPage, ToolPages, type ToolPage } from './tool-list.ts';
import {
  changedMembers,
  instructionsVersion,
  launchVersion,
  toolVersion,
  type Version,
} from './tool-pin.ts';

/** What is known of a tool when it is called. */
export interface ToolFacts {
  /** As the server lists them, which is what the server claims. */
  readonly annotations: JsonObject | undefined;
  readonly findings: readonly Finding[];
}

/** Something about the server that is worth a line and a receipt of its own. */
export interface ServerNotice {
  /** The request whose answer showed it. */
  readonly method: SurveyRequest['method'];
  /** Tools that were recorded at first use. */
  readonly pinned: number;
  readonly findings: readonly Finding[];
}

export interface ServerToolsOptions {
  readonly book: PinBook;
  /** Command and arguments of the server. */
  readonly launch: readonly string[];
  /** Tools of other servers: which server has them. Asked for with every list. */
  readonly foreignTools: () => ReadonlyMap<string, string>;
  readonly notice: (notice: ServerNotice) => void;
  readonly now: () => Date;
}

interface Listed {
  /** Undefined for a tool that has no canonical form. */
  readonly version: Version | undefined;
  readonly annotations: JsonObject | undefined;
  /** What its own text gives reason for. */
  readonly findings: readonly Finding[];
}

/** More tools than any model can choose from; those behind are not looked at, and so are unlisted. */
const MAX_TOOLS = 4096;

/**
 * What the server has said it is and has, beside what was accepted of it. Checked when it is
 * listed, and asked again at every call: a client may use an old list, or none.
 */
export class ServerTools {
  readonly #options: ServerToolsOptions;
  readonly #startedAt: Date;
  #launchVersion: Version | undefined;
  readonly #pages = new ToolPages();
  readonly #listed = new Map<string, Listed>();
  /** All names of the last list that was read to its end. */
  #names: ReadonlySet<string> | undefined;
  #instructions: { readonly version: Version; readonly findings: readonly Finding[] } | undefined;
  /** What was told already, so that a list that is read every minute is told once. */
  readonly #told = new Set<string>();

  constructor(options: ServerToolsOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  /** Made when it is needed first, because every agent waits for our start. */
  get #launch(): Version {
    return (this.#launchVersion ??= launchVersion(
      this.#options.launch,
      this.#startedAt.toISOString(),
    ));
  }

  /** @param name - As the call spells it. */
  of(name: string): ToolFacts {
    const findings = this.#findingsOf(name);
    // A person may have accepted the change meanwhile.
    const isSettled = !findings.some(isDrift) || !this.#options.book.refresh();
    return {
      annotations: this.#listed.get(name)?.annotations,
      findings: isSettled ? findings : this.#findingsOf(name),
    };
  }

  /** The schema of a tool's arguments, as it was listed last; undefined where nobody knows it. */
  inputSchemaOf(name: string): JsonObject | undefined {
    const seen = this.#listed.get(name)?.version ?? this.#options.book.record.tools.get(name)?.seen;
    const tool = seen?.content;
    const schema = isJsonObject(tool) ? tool['inputSchema'] : undefined;
    return isJsonObject(schema) ? schema : undefined;
  }

  /** The server's answer to a request about itself. */
  observe({ method, cursor }: SurveyRequest, { result }: Answer): void {
    if (result === undefined) return;
    if (method === 'tools/list') {
      const page = readToolPage(result);
      if (page !== undefined) this.#seeTools(cursor, page);
      return;
    }
    const text = readInstructions(result);
    if (text !== undefined) this.#seeInstructions(method, text);
  }

  #findingsOf(name: string): readonly Finding[] {
    const { book } = this.#options;
    const { record, isUnreadable } = book;
    if (isUnreadable) return [UNREADABLE, ...(this.#listed.get(name)?.findings ?? [])];
    return [...this.#toolFindings(name, record.tools.get(name)), ...this.#serverFindings(record)];
  }

  #toolFindings(name: string, entry: Entry | undefined): readonly Finding[] {
    const listed = this.#listed.get(name);
    if (listed !== undefined) {
      const twice = this.#pages.duplicates.has(name)
        ? [finding('tool_duplicate', 'the server lists two tools of this name')]
        : [];
      return [...driftOf(listed.version, entry), ...twice, ...listed.findings];
    }
    if (this.#names !== undefined) {
      return [finding('tool_unlisted', 'the server does not list this tool')];
    }
    // Nobody has asked for the list in this session: what was seen last is what is known.
    return entry?.seen === undefined ? [] : driftOf(entry.seen, entry);
  }

  #serverFindings(record: PinRecord): readonly Finding[] {
    const { launch, instructions } = record;
    const seen = this.#instructions;
    return [
      ...changeOf('launch_drift', 'the command that starts the server', this.#launch, launch),
      ...changeOf(
        'server_drift',
        "the server's instructions",
        seen?.version ?? instructions?.seen,
        instructions,
      ),
      ...(seen?.findings ?? []),
    ];
  }

  #seeTools(cursor: string | undefined, page: ToolPage): void {
    const { book } = this.#options;
    const at = this.#now();
    const before = book.record;
    if (cursor === undefined) this.#listed.clear();
    const names = this.#pages.add(cursor, page);
    const fresh = page.tools.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
    const own = new Set([...this.#listed.keys(), ...fresh]);
    const others = this.#options.foreignTools();
    for (const tool of page.tools) {
      const { name } = tool;
      if (typeof name !== 'string' || this.#listed.size >= MAX_TOOLS) continue;
      this.#listed.set(name, listedTool(tool, at, own, others));
    }
    if (names !== undefined) this.#names = new Set(names);
    book.change((record) => this.#seen(record, names, at));
    const pinned = before.isComplete ? [] : fresh.filter((name) => !before.tools.has(name));
    const findings = page.tools.flatMap(({ name }) =>
      typeof name !== 'string'
        ? []
        : this.#toolFindings(name, book.record.tools.get(name)).map((found) => named(name, found)),
    );
    const gone = names === undefined ? [] : goneTools(book.record);
    this.#tell('tools/list', book.isKept && !book.isUnreadable ? pinned.length : 0, [
      ...(book.isUnreadable ? [UNREADABLE] : []),
      ...findings,
      ...gone,
      ...this.#serverFindings(book.record),
    ]);
  }

  #seen(record: PinRecord, names: ReadonlySet<string> | undefined, at: string): PinRecord {
    const tools = new Map(record.tools);
    for (const [name, { version }] of this.#listed) {
      // A server may list without end: what is beyond is new for ever, and not kept.
      if (version === undefined || (tools.size >= MAX_TOOLS && !tools.has(name))) continue;
      tools.set(name, afterSeeing(tools.get(name), version, !record.isComplete));
    }
    if (names !== undefined) {
      for (const [name, entry] of tools) {
        if (names.has(name)) continue;
        if (entry.pinned === undefined) tools.delete(name); // came and went, accepted by nobody
        else if (entry.gone === undefined) tools.set(name, { ...entry, gone: at });
      }
    }
    const isComplete = record.isComplete || names !== undefined;
    return unlessSame(record, this.#withLaunch({ ...record, isComplete, tools }));
  }

  #withLaunch(record: PinRecord): PinRecord {
    return { ...record, launch: afterSeeing(record.launch, this.#launch, true) };
  }

  #seeInstructions(method: SurveyRequest['method'], text: string | null): void {
    const { book } = this.#options;
    const version = instructionsVersion(text, this.#now());
    const findings = descriptionFindings(text ?? '').map(({ code, text: what }) =>
      finding(code, `the server's instructions: ${what}`),
    );
    this.#instructions = { version, findings };
    book.change((record) =>
      unlessSame(
        record,
        this.#withLaunch({
          ...record,
          instructions: afterSeeing(record.instructions, version, true),
        }),
      ),
    );
    this.#tell(method, 0, this.#serverFindings(book.record));
  }

  #tell(method: SurveyRequest['method'], pinned: number, all: readonly Finding[]): void {
    if (this.#told.size > MAX_TOOLS) this.#told.clear();
    const findings = all.filter(({ code, text }) => !this.#told.has(`${code} ${text}`));
    for (const { code, text } of findings) this.#told.add(`${code} ${text}`);
    if (pinned > 0 || findings.length > 0) this.#options.notice({ method, pinned, findings });
  }

  #now(): string {
    return this.#options.now().toISOString();
  }
}

const UNREADABLE = finding('pins_unreadable', 'the pins of this server cannot be read');

function listedTool(
  tool: JsonObject,
  at: string,
  own: ReadonlySet<string>,
  others: ReadonlyMap<string, string>,
): Listed {
  const { annotations } = tool;
  const text = allText(tool);
  return {
    version: versionOf(tool, at),
    annotations: isJsonObject(annotations) ? annotations : undefined,
    findings: [...descriptionFindings(text), ...foreignToolFindings(text, own, others)],
  };
}

function versionOf(tool: JsonObject, at: string): Version | undefined {
  try {
    return toolVersion(tool, at);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}

/** Every text in a tool, names of parameters too: a model reads them all. */
function allText(tool: JsonObject): string {
  const texts: string[] = [];
  const open: JsonValue[] = [tool];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') texts.push(value);
    if (typeof value !== 'object' || value === null) continue;
    if (isJsonObject(value)) texts.push(...Object.keys(value));
    open.push(...Object.values<JsonValue>(value));
  }
  return texts.join('\n');
}

function driftOf(now: Version | undefined, entry: Entry | undefined): readonly Finding[] {
  if (now === undefined) return [finding('tool_unreadable', 'the tool has no one meaning')];
  const { pinned } = entry ?? {};
  if (pinned === undefined) return [finding('tool_new', 'the tool is new since the first use')];
  if (pinned.digest === now.digest) return [];
  const members = changedMembers(pinned.content, now.content);
  const what = members.length === 0 ? 'the tool' : members.slice(0, 8).map(printable).join(', ');
  return [finding('tool_drift', `changed since ${pinned.at}: ${what}`)];
}

function changeOf(
  code: 'launch_drift' | 'server_drift',
  what: string,
  now: Version | undefined,
  entry: Entry | undefined,
): readonly Finding[] {
  const { pinned } = entry ?? {};
  if (pinned === undefined || now === undefined || pinned.digest === now.digest) return [];
  return [finding(code, `${what} changed since ${pinned.at}`)];
}

function named(name: string, { code, text }: Finding): Finding {
  return finding(code, `${printable(name)}: ${text}`);
}

function goneTools({ tools }: PinRecord): readonly Finding[] {
  return [...tools].flatMap(([name, { gone }]) =>
    gone === undefined ? [] : [named(name, finding('tool_drift', `not listed since ${gone}`))],
  );
}

/** So that nothing is written for a list that says what it said before. */
function unlessSame(before: PinRecord, after: PinRecord): PinRecord {
  const text = ({ tools, ...rest }: PinRecord) => JSON.stringify([rest, [...tools]]);
  return text(before) === text(after) ? before : after;
}
