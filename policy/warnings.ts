import { compileGlob } from './glob.ts';
import { canonicalMembers } from './language/canonical.ts';
import { RULE_MEMBERS } from './language/tables.ts';
import { explainOperation } from './classify.ts';
import { scoreRisk } from './risk.ts';
import type {
  Condition,
  Entry,
  OperationType,
  Patterns,
  Rule,
  RuleSet,
  TestCondition,
} from './rule.ts';
import { compareSeverity, listOf } from './rule.ts';

/** A rule that is in order and yet cannot do what somebody hoped for. */
export interface Warning {
  readonly rule: Rule;
  readonly message: string;
  readonly remedy: string;
}

/** SQL in the arguments, which a name does not tell. */
const ARGUMENT_POINTS = 30;

/**
 * Rules that can never match, and rules that never decide because another one is always as strict. What
 * is named is certain; what is not named may still be so.
 */
export function findWarnings({ rules, settings }: RuleSet): readonly Warning[] {
  const enabled = rules.filter((rule) => rule.enabled);
  const isStandard = settings.risk !== 'extended';
  return enabled.flatMap((rule, index) => {
    const found =
      whyNeverMatches(rule, isStandard) ??
      whyListed(rule, settings.allow, settings.block) ??
      whyShadowed(rule, index, enabled) ??
      whyPasses(rule);
    return found === undefined ? [] : [{ rule, ...found }];
  });
}

type Found = Omit<Warning, 'rule'> | undefined;

function never(name: string, because: string, remedy: string): Found {
  return { message: `rule "${name}" can never match: ${because}`, remedy };
}

function whyNeverMatches(rule: Rule, isStandard: boolean): Found {
  const { name, operationTypes, minRiskScore, during, outside } = rule;
  const tools = listOf(rule.toolPattern);
  const literal = tools.length > 0 && tools.every(isLiteral);
  if (isStandard && operationTypes !== undefined && tools.length > 0) {
    const operations = tools.map(operationOf);
    const isLeftOut = (it: OperationType | undefined) =>
      it !== undefined && !operationTypes.includes(it);
    if (operations.every(isLeftOut)) {
      const is = [...new Set(operations)].join(' or ');
      return never(name, `the tools it names are ${is}`, 'correct tool_pattern or operation_types');
    }
  }
  if (isStandard && minRiskScore !== undefined && literal) {
    const most = Math.max(...tools.map(highestScore));
    if (most < minRiskScore) {
      return never(name, `the tools it names score ${most} at most`, 'lower min_risk_score');
    }
  }
  const [inside, out] = [JSON.stringify(listOf(during)), JSON.stringify(listOf(outside))];
  if (during !== undefined && inside === out) {
    return never(name, '"during" and "outside" are the same', 'remove one of them');
  }
  const contradiction = rule.when === undefined ? undefined : findContradiction(rule.when);
  if (contradiction === undefined) return undefined;
  return never(name, contradiction, 'correct the condition');
}

/** Tests of one field that no value passes; looked for where all conditions must hold. */
function findContradiction(condition: Condition): string | undefined {
  if (isList(condition)) return firstOf(condition);
  if ('all' in condition) return firstOf(condition.all);
  if (!('field' in condition)) return undefined;
  const { field, eq, gt, gte, lt, lte } = condition;
  const low = Math.max(gt ?? -Infinity, gte ?? -Infinity);
  const high = Math.min(lt ?? Infinity, lte ?? Infinity);
  const isOpen = low === gt || high === lt;
  if (low > high || (low === high && isOpen)) return `no number is within the bounds of "${field}"`;
  const isCompared = low !== -Infinity || high !== Infinity;
  if (isCompared && eq !== undefined && !fits(eq, condition)) {
    return `"${field}" cannot be equal to ${JSON.stringify(eq)} and within the bounds`;
  }
  const { neq, in: options } = condition;
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  if (eq !== undefined && isSame(eq, neq)) return `"${field}" is to be equal and not equal`;
  if (eq !== undefined && options !== undefined && !options.some((it) => isSame(it, eq))) {
    return `"${field}" is to equal what is not in its list`;
  }
  return undefined;
}

function firstOf(conditions: readonly Condition[]): string | undefined {
  for (const condition of conditions) {
    const found = findContradiction(condition);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fits(value: unknown, { gt, gte, lt, lte }: TestCondition): boolean {
  if (typeof value === 'string') return true; // may read as a number
  if (typeof value !== 'number') return false;
  return (
    value > (gt ?? -Infinity) &&
    value >= (gte ?? -Infinity) &&
    value < (lt ?? Infinity) &&
    value <= (lte ?? Infinity)
  );
}

/** A rule about a tool that the lists have decided about already. */
function whyListed(
  { name, toolPattern, action }: Rule,
  allow: readonly Entry[] | undefined,
  block: readonly Entry[] | undefined,
): Found {
  const tools = listOf(toolPattern);
  if (tools.length === 0 || !tools.every(isLiteral)) return undefined;
  const remedy = 'remove the rule, or correct the list';
  const isOn = (entries: readonly Entry[], tool: string) =>
    entries.some((entry) => patternsOf(entry).some((glob) => compileGlob(glob).matches(tool)));
  if (allow !== undefined && !tools.some((tool) => isOn(allow, tool))) {
    return { message: `rule "${name}" never decides: the allow list leaves its tools out`, remedy };
  }
  const isBlocked = (tool: string) =>
    block?.some((entry) => typeof entry === 'string' && compileGlob(entry).matches(tool)) === true;
  if (action !== 'block' && tools.every(isBlocked)) {
    return { message: `rule "${name}" never decides: its tools are on the block list`, remedy };
  }
  return undefined;
}

/** An entry without a pattern for tools is about any of them. */
function patternsOf(entry: Entry): readonly string[] {
  if (typeof entry === 'string') return [entry];
  return entry.toolPattern === undefined ? ['*'] : listOf(entry.toolPattern);
}

function whyShadowed(rule: Rule, index: number, rules: readonly Rule[]): Found {
  const by = rules.find((other, place) => {
    if (other === rule) return false;
    const severity = compareSeverity(other.action, rule.action);
    return (severity > 0 || (severity === 0 && place < index)) && covers(other, rule);
  });
  if (by === undefined) return undefined;
  return {
    message: `rule "${rule.name}" never decides: rule "${by.name}" matches whenever it does, and is as strict`,
    remedy: 'remove one of them, or make them differ',
  };
}

const SAID_OF_CALLS = ['server_pattern', 'client_pattern', 'agent_pattern', 'annotations', 'when'];
const OTHERS = ['findings', 'during', 'outside', 'after'];

/** Whether `wide` surely matches every call that `narrow` matches. */
function covers(wide: Rule, narrow: Rule): boolean {
  // What it counts differs from what the other counts, even where they read the same.
  if (wide.rate !== undefined || wide.budget !== undefined) return false;
  const [a, b] = [membersOf(wide), membersOf(narrow)];
  const isSame = (key: string) => a[key] === undefined || a[key] === b[key];
  if (![...SAID_OF_CALLS, ...OTHERS].every(isSame)) return false;
  if ((wide.minRiskScore ?? 0) > (narrow.minRiskScore ?? 0)) return false;
  const { operationTypes } = wide;
  const narrowTypes = narrow.operationTypes;
  const typesCovered =
    operationTypes === undefined ||
    narrowTypes?.every((type) => operationTypes.includes(type)) === true;
  return typesCovered && patternsCover(wide.toolPattern, narrow.toolPattern);
}

/** Every rule is compared with every other: what it says is put into one form once, not each time. */
const MEMBERS = new WeakMap<Rule, Readonly<Record<string, string>>>();

/** What a rule says, as texts that are equal where it says the same. */
function membersOf(rule: Rule): Readonly<Record<string, string>> {
  const known = MEMBERS.get(rule);
  if (known !== undefined) return known;
  const members = Object.entries(canonicalMembers(RULE_MEMBERS, rule));
  const texts = Object.fromEntries(members.map(([key, value]) => [key, JSON.stringify(value)]));
  MEMBERS.set(rule, texts);
  return texts;
}

function patternsCover(wide: Patterns | undefined, narrow: Patterns | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  return listOf(narrow).every((pattern) =>
    listOf(wide).some((other) => {
      if (other === pattern) return true;
      // A pattern of letters, `*` and `?` is covered by one that matches it as a text: what stands for
      // `*` can be anything that `*` stands for.
      const isPlain = /^[^[\]\\/]*$/.test(pattern);
      return isPlain && /^[^[\]\\/?]*$/.test(other) && compileGlob(other).matches(pattern);
    }),
  );
}

function whyPasses({ name, action }: Rule): Found {
  if (action !== 'pass') return undefined;
  return {
    message: `rule "${name}" changes nothing: a pass rule is no exception to other rules`,
    remedy: 'write the stricter rule so that it does not match these calls',
  };
}

function isLiteral(pattern: string): boolean {
  return !/[*?[\\]/.test(pattern);
}

/** The operation of every tool that a pattern matches, where it is the same for all of them. */
function operationOf(pattern: string): OperationType | undefined {
  if (isLiteral(pattern)) return explainOperation(pattern).operation;
  const prefix = /^[^*?[\\]*/.exec(pattern)?.[0] ?? '';
  const { operation, because } = explainOperation(prefix);
  // A suffix of the prefix is no suffix of the name.
  return because.startsWith('name starts') ? operation : undefined;
}

function highestScore(tool: string): number {
  return Math.min(100, scoreRisk({ tool, arguments: () => undefined }).score + ARGUMENT_POINTS);
}

function isList(condition: Condition): condition is readonly Condition[] {
  return Array.isArray(condition);
}
