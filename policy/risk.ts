import type { JsonValue } from '../shared/json/value.ts';
import { explainOperation, type Classification } from './classify.ts';
import { foldCase } from './fold.ts';
import type { OperationType } from './words.ts';

/** One contribution to a score. The text is stable and quotes nothing from the arguments. */
export type RiskReason = {
  readonly reason: string;
  readonly points: number;
};

export type Risk = {
  /** 0 to 100: the sum of the points, capped. */
  readonly score: number;
  readonly operation: OperationType;
  /** Every operation that it may be; a rule about one of them applies. More than one if extended. */
  readonly operations: readonly OperationType[];
  /** Every contribution, also what the cap cut off. */
  readonly reasons: readonly RiskReason[];
};

export type RiskInput = {
  /** The tool's own name, without any `mcp__server__` prefix. */
  readonly tool: string;
  /** Decodes the arguments; called at most once. */
  readonly arguments: () => JsonValue | undefined;
  /** As in `PolicyRequest`. */
  readonly argumentsName?: ((names: ReadonlySet<string>) => boolean) | undefined;
};

export const MAX_SCORE = 100;

export const OPERATION_POINTS: Readonly<Record<OperationType, number>> = {
  read: 0,
  write: 20,
  execute: 30,
  delete: 40,
  unknown: 10,
};

export const OPERATION_TEXTS: Readonly<Record<OperationType, string>> = {
  read: 'reads',
  write: 'writes',
  execute: 'executes',
  delete: 'deletes',
  unknown: 'operation unknown',
};

export const SENSITIVE_WORDS = ['auth', 'credential', 'password', 'token', 'secret', 'key'];
export const SETTING_WORDS = ['config', 'setting'];
const MESSAGE_PREFIXES = ['send_', 'post_'];

const SQL_KEYS: ReadonlySet<string> = new Set(['sql', 'query', 'statement', 'command']);
const LONGEST_SQL_KEY = 'statement'.length;
const SQL_MUTATIONS = ['drop ', 'delete ', 'update ', 'truncate ', 'alter '];
/** The word on its own; `somewhere` is not one. No quantifier, so it cannot run away. */
const WHERE = /(?:^|[^a-z])where(?:[^a-z]|$)/iu;

/**
 * Scores a call from 0 to 100 by the points in docs/rules.md. The points are agreed with peers: a
 * threshold in a rules file means the same in every proxy that reads it, so the known holes of the
 * SQL check (any `where` clears it, four argument names only) are kept.
 */
export function scoreRisk(input: RiskInput): Risk {
  const { operation, because, sensitive, setting, message } = nameOf(input.tool);
  const reasons: RiskReason[] = [];
  const add = (points: number, reason: string): void => {
    if (points > 0) reasons.push({ reason, points });
  };

  add(OPERATION_POINTS[operation], `${OPERATION_TEXTS[operation]} (${because})`);

  if (sensitive !== undefined) add(30, `sensitive (name contains ${sensitive})`);

  // Megabytes are not decoded to look for what their names rule out.
  const maySql = input.argumentsName?.(SQL_KEYS) ?? true;
  const sqlKey = maySql ? findSqlMutation(input.arguments()) : undefined;
  if (sqlKey !== undefined) add(30, `SQL change without where (argument ${sqlKey})`);

  if (setting !== undefined) add(20, `configuration (name contains ${setting})`);

  if (message !== undefined) add(15, `sends a message (name starts with ${message})`);

  const sum = reasons.reduce((total, { points }) => total + points, 0);
  return { score: Math.min(sum, MAX_SCORE), operation, operations: [operation], reasons };
}

/** What a tool's name alone says of it. */
type ToolName = Classification & {
  readonly [part in 'sensitive' | 'setting' | 'message']: string | undefined;
};

/** A server has a few tools, which are called again and again. */
const MAX_KNOWN_NAMES = 500;
const knownNames = new Map<string, ToolName>();

function nameOf(tool: string): ToolName {
  const known = knownNames.get(tool);
  if (known !== undefined) return known;
  const name = foldCase(tool);
  const said = {
    ...explainOperation(tool),
    sensitive: SENSITIVE_WORDS.find((word) => name.includes(word)),
    setting: SETTING_WORDS.find((word) => name.includes(word)),
    message: MESSAGE_PREFIXES.find((prefix) => name.startsWith(prefix)),
  };
  if (knownNames.size >= MAX_KNOWN_NAMES) knownNames.clear();
  knownNames.set(tool, said);
  return said;
}

/**
 * The first of the SQL argument names that holds a mutation without a `where`. Looks into objects
 * at any depth, through arrays, but not at strings that stand directly in an array.
 *
 * The stack is our own: arguments come from an agent and may be nested deeper than the engine's.
 * `Object.keys` sees own members only, so nothing is looked up through a prototype.
 */
function findSqlMutation(root: JsonValue | undefined): string | undefined {
  const open: JsonValue[] = root === undefined ? [] : [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (isList(value)) {
      for (const element of value) {
        if (typeof element === 'object') open.push(element);
      }
      continue;
    }
    for (const key of Object.keys(value)) {
      const member = value[key];
      if (typeof member === 'string') {
        const name = key.length <= LONGEST_SQL_KEY ? key.toLowerCase() : '';
        if (SQL_KEYS.has(name) && mutates(member)) return name;
      } else if (typeof member === 'object') {
        open.push(member);
      }
    }
  }
  return undefined;
}

function mutates(sql: string): boolean {
  const lower = sql.toLowerCase();
  return SQL_MUTATIONS.some((word) => lower.includes(word)) && !WHERE.test(lower);
}

/** `Array.isArray` does not narrow a read-only array away from an object. */
function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
