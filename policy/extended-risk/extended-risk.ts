import type { JsonValue } from '../../shared/json/value.ts';
import type { Facts } from '../facts.ts';
import {
  MAX_SCORE,
  OPERATION_POINTS,
  OPERATION_TEXTS,
  SENSITIVE_WORDS,
  SETTING_WORDS,
  type Risk,
  type RiskReason,
} from '../risk.ts';
import { listOf, type RuleSet } from '../rule.ts';
import { readOperation, snakeCase } from './names.ts';
import { findOutsidePath, hostsIn } from './places.ts';
import { findDangerousShell } from './shell.ts';
import { findDangerousSql } from './sql.ts';

/** Members whose texts a shell is likely to run. */
const SHELL_KEYS = new Set([
  'command',
  'cmd',
  'script',
  'shell',
  'bash',
  'code',
  'run',
  'exec',
  'args',
]);
const SHELL_NAMES = /(?:^|_)(?:shell|bash|sh|exec|execute|terminal|command|cmd|run)(?:_|$)/;
/** Texts beyond these are not looked at; a call with more of them is unusual enough to be paused. */
const MAX_TEXTS = 10_000;

/** How far the extended reading goes. With a rule set, so that only a start that asks for it loads it. */
export interface ExtendedRisk {
  readonly extend: (standard: Risk, facts: Facts, rules: RuleSet) => Risk;
  readonly note: (facts: Facts) => void;
}

type Points = readonly [points: number, reason: string];

/**
 * The score of peers, and what it does not see. Reasons are only ever added, and operations too, so
 * that the same rules decide at least as strictly.
 */
export function extendRisk(standard: Risk, facts: Facts, rules: RuleSet): Risk {
  const { operation, because } = readOperation(facts.request.tool);
  const said = facts.request.annotations?.['destructiveHint'] === true;
  const readings = [
    { operation, because },
    ...(said ? [{ operation: 'delete' as const, because: 'the server says destructive' }] : []),
  ];
  const worst = readings.reduce((a, b) =>
    OPERATION_POINTS[b.operation] > OPERATION_POINTS[a.operation] ? b : a,
  );
  const more: Points[] = [
    [
      OPERATION_POINTS[worst.operation] - OPERATION_POINTS[standard.operation],
      `${OPERATION_TEXTS[worst.operation]} (${worst.because})`,
    ],
    ...wordPoints(facts.request.tool, standard),
    ...annotationPoints(facts),
    ...argumentPoints(standard, facts, rules),
    ...(facts.request.findings ?? []).map(({ code, points }): Points => [
      points,
      `finding ${code}`,
    ]),
  ];
  const added = more
    .filter(([points]) => points > 0)
    .map(([points, reason]): RiskReason => ({ points, reason }));
  const reasons = [...standard.reasons, ...added];
  const sum = reasons.reduce((total, { points }) => total + points, 0);
  const operations = new Set([...standard.operations, ...readings.map((it) => it.operation)]);
  const isWorse = OPERATION_POINTS[worst.operation] > OPERATION_POINTS[standard.operation];
  return {
    score: Math.min(sum, MAX_SCORE),
    operation: isWorse ? worst.operation : standard.operation,
    operations: [...operations],
    reasons,
  };
}

/** Hosts of a call that went on are not new to the next one. */
export function noteHosts(facts: Facts): void {
  for (const { text } of textsIn(facts.arguments)) {
    for (const host of hostsIn(text)) facts.history.addHost(host);
  }
}

/** `apiKey` has the word already; `api.passwd` and `sendMail` are what the standard score misses. */
function wordPoints(tool: string, { reasons }: Risk): Points[] {
  const name = snakeCase(tool);
  const has = (start: string) => reasons.some(({ reason }) => reason.startsWith(start));
  const points: Points[] = [];
  const secret = [...SENSITIVE_WORDS, 'passwd', 'cookie', 'session'].find((it) =>
    name.includes(it),
  );
  if (secret !== undefined && !has('sensitive'))
    points.push([30, `sensitive (name reads ${secret})`]);
  const setting = SETTING_WORDS.find((word) => name.includes(word));
  if (setting !== undefined && !has('configuration'))
    points.push([20, `configuration (${setting})`]);
  const verb = /^(?:send|post|publish|notify|email|tweet)(?:_|$)/.exec(name)?.[0];
  if (verb !== undefined && !has('sends')) points.push([15, `sends a message (${verb})`]);
  return points;
}

function annotationPoints({ request }: Facts): Points[] {
  return request.annotations?.['openWorldHint'] === true
    ? [[10, 'the server says that the tool reaches the outside']]
    : [];
}

function argumentPoints({ reasons }: Risk, facts: Facts, rules: RuleSet): Points[] {
  const hasSql = reasons.some(({ reason }) => reason.startsWith('SQL'));
  const runsShell = SHELL_NAMES.test(snakeCase(facts.request.tool));
  const workspace = [...listOf(rules.settings.workspace), ...(facts.request.workspace ?? [])];
  let [sql, shell, path, host]: (string | undefined)[] = [];
  for (const { key, text } of textsIn(facts.arguments)) {
    if (!hasSql) sql ??= findDangerousSql(text);
    if (runsShell || SHELL_KEYS.has(key)) shell ??= findDangerousShell(text);
    path ??= findOutsidePath(text, workspace);
    host ??= hostsIn(text).some((name) => isNewHost(name, facts, rules))
      ? 'URL to a new host'
      : undefined;
  }
  const found: [number, string | undefined][] = [
    [30, sql],
    [30, shell],
    [20, path],
    [15, host],
  ];
  return found.flatMap(([points, reason]) =>
    reason === undefined ? [] : [[points, reason] as Points],
  );
}

function isNewHost(host: string, { history }: Facts, { knownHosts }: RuleSet): boolean {
  return !history.hasHost(host) && !knownHosts.some((glob) => glob.matches(host));
}

/**
 * Every text in the arguments with the lower-case name of the member it stands in, through lists. The
 * stack is our own: arguments may be nested deeper than the engine's.
 */
function* textsIn(root: JsonValue | undefined): Generator<{ key: string; text: string }> {
  const open: { key: string; value: JsonValue }[] = [];
  if (root !== undefined) open.push({ key: '', value: root });
  let count = 0;
  for (let next = open.pop(); next !== undefined && count < MAX_TEXTS; next = open.pop()) {
    const { key, value } = next;
    if (typeof value === 'string') {
      count += 1;
      yield { key, text: value };
    } else if (Array.isArray(value)) {
      for (const item of value as readonly JsonValue[]) open.push({ key, value: item });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        open.push({ key: name.slice(0, 20).toLowerCase(), value: member });
      }
    }
  }
}

export const EXTENDED_RISK: ExtendedRisk = { extend: extendRisk, note: noteHosts };
