import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

/** What a file of the peer becomes: a rules file as a value, and what could not be said in it. */
export interface Imported {
  readonly file: JsonObject;
  readonly notes: readonly string[];
}

const OPERATORS: Readonly<Record<string, string>> = {
  gt: 'gt',
  '>': 'gt',
  lt: 'lt',
  '<': 'lt',
  gte: 'gte',
  '>=': 'gte',
  lte: 'lte',
  '<=': 'lte',
  eq: 'eq',
  '==': 'eq',
  neq: 'neq',
  '!=': 'neq',
  contains: 'contains',
  not_contains: 'not_contains',
};

const RULE_KEYS = new Set([
  'allow_tools',
  'block_tools',
  'human_review_tools',
  'human_review_above_usd',
  'max_amount_usd',
  'amount_field',
  'rate_limit_per_minute',
  'rate_limit_tools',
  'agent_rules',
  'custom_rules',
]);

/** Where other settings of that file have their place here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  redact_fields: 'receipts hold hashes of arguments, never their text; see docs/redaction.md',
  fail_mode: 'a call that nobody answers for is refused; receipts: -require-receipt',
};

/** Collects what becomes of a file, and what does not. */
class Import {
  readonly rules: JsonObject[] = [];
  readonly notes: string[] = [];
  readonly #names = new Set<string>();

  add(name: string, rule: JsonObject): void {
    let unique = name;
    for (let count = 2; this.#names.has(unique); count += 1) unique = `${name} ${count}`;
    this.#names.add(unique);
    this.rules.push({ name: unique, ...rule });
  }
}

/**
 * The rules of an estoppl.toml in our language. Where the two differ ours is the stricter, and a note
 * says so: of several rules the most restrictive decides, not the first.
 */
export function importEstoppl(config: JsonObject): Imported {
  const into = new Import();
  const rules = config['rules'];
  const given = isJsonObject(rules) ? rules : {};
  for (const key of Object.keys(given)) {
    if (RULE_KEYS.has(key)) continue;
    into.notes.push(
      `rules.${key} is not carried over: ${ELSEWHERE[key] ?? 'it is not known there either'}`,
    );
  }
  const { lists, field } = importRules(into, given);
  importRates(into, given);
  importAgents(into, given['agent_rules'], field);
  into.notes.push('a pattern for the beginning of a name reaches names with up to two slashes');
  into.notes.push('the most restrictive rule decides here, there the first that matches');
  into.notes.push('tool names are compared without case here, with case there');
  return { file: { ...lists, rules: into.rules }, notes: into.notes };
}

function importRules(into: Import, given: JsonObject): { lists: JsonObject; field: string } {
  const amountField = given['amount_field'];
  const field = pathOf(
    typeof amountField === 'string' && amountField !== '' ? amountField : 'amount',
  );
  const allow = patternsOf(given['allow_tools']);
  const block = patternsOf(given['block_tools']);
  importLimits(into, given, field, {});
  importCustom(into, given['custom_rules'], {});
  return {
    lists: { ...(allow.length > 0 && { allow }), ...(block.length > 0 && { block }) },
    field,
  };
}

/** Review and amounts, of everybody or of one agent. */
function importLimits(into: Import, given: JsonObject, field: string, who: JsonObject): void {
  const review = patternsOf(given['human_review_tools']);
  const above = given['human_review_above_usd'];
  if (review.length > 0) {
    // Without a readable amount a person is asked there too.
    const missing: JsonObject = { field, exists: false };
    const when: JsonObject =
      typeof above === 'number'
        ? { when: { any: [{ amount: field, above: Math.max(0, above) }, missing] } }
        : {};
    const rule = { ...who, tool_pattern: review, ...when, action: 'pause' };
    into.add('human_review_tools', { description: 'Needs human review', ...rule });
  }
  const max = given['max_amount_usd'];
  if (typeof max === 'number') {
    const when = { amount: field, above: Math.max(0, max) };
    into.add('max_amount_usd', { description: `Above ${max}`, ...who, when, action: 'block' });
    into.notes.push('amounts in texts, below zero and unreadable ones pass there; here they count');
  }
}

function importCustom(into: Import, custom: JsonValue | undefined, who: JsonObject): void {
  for (const it of Array.isArray(custom) ? (custom as readonly JsonValue[]) : []) {
    if (!isJsonObject(it)) continue;
    const { name = 'custom', tool = '*', condition, action } = it;
    const label = typeof name === 'string' ? name : 'custom';
    if (action === 'allow') {
      into.notes.push(
        `custom rule "${label}" allows: no rule takes back another one here; left out`,
      );
      continue;
    }
    const when = isJsonObject(condition) ? conditionOf(condition) : undefined;
    if (when === undefined) {
      into.notes.push(`custom rule "${label}" has a condition that is not known; left out`);
      continue;
    }
    const patterns = patternsOf([tool]);
    into.add(label, {
      ...who,
      ...(tool !== '*' && { tool_pattern: patterns }),
      when,
      action: action === 'block' ? 'block' : 'pause',
    });
  }
}

function conditionOf({ field, operator, value }: JsonObject): JsonObject | undefined {
  if (typeof field !== 'string' || typeof operator !== 'string' || value === undefined)
    return undefined;
  const test = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  const isNumeric = test !== undefined && /^[gl]te?$/.test(test);
  if (test === undefined || (isNumeric && typeof value !== 'number')) return undefined;
  return { field: pathOf(field), [test]: value };
}

function importRates(into: Import, given: JsonObject): void {
  const general = given['rate_limit_per_minute'];
  const rate = (max: number) => ({ rate: { max, per: '1m', by: 'tool' }, action: 'block' });
  if (typeof general === 'number' && general > 0) into.add('rate_limit_per_minute', rate(general));
  const byTool = given['rate_limit_tools'];
  for (const [tool, max] of Object.entries(isJsonObject(byTool) ? byTool : {})) {
    if (typeof max !== 'number') continue;
    const isWider = typeof general === 'number' && general > 0 && (max === 0 || max > general);
    if (isWider)
      into.notes.push(`rate_limit_tools.${tool}: the general limit holds for it as well here`);
    else if (max > 0) into.add(`rate_limit ${tool}`, { tool_pattern: escaped(tool), ...rate(max) });
  }
}

function importAgents(into: Import, agents: JsonValue | undefined, field: string): void {
  for (const [agent, rules] of Object.entries(isJsonObject(agents) ? agents : {})) {
    if (!isJsonObject(rules)) continue;
    const who = { agent_pattern: escaped(agent) };
    const block = patternsOf(rules['block_tools']);
    if (block.length > 0)
      into.add(`block_tools of ${agent}`, { ...who, tool_pattern: block, action: 'block' });
    importLimits(into, rules, field, who);
    importCustom(into, rules['custom_rules'], who);
    if (rules['allow_tools'] !== undefined) {
      into.notes.push(
        `agent_rules.${agent}.allow_tools is left out: write entries of "allow" with agent_pattern`,
      );
    }
    into.notes.push(
      `agent_rules.${agent} was never applied there; here it adds to the rules for everybody`,
    );
  }
}

/** `P.*` and `P_*` there mean any name that begins so, slashes included; else a name is exact. */
function patternsOf(tools: JsonValue | undefined): string[] {
  const names = Array.isArray(tools) ? (tools as readonly JsonValue[]) : [];
  return names.flatMap((name): string[] => {
    if (typeof name !== 'string' || name === '') return [];
    const prefix = /^(.*)(?:\.|(_))\*$/s.exec(name);
    if (name !== '*' && prefix === null) return [escaped(name)];
    const start = prefix === null ? '' : escaped(`${prefix[1]}${prefix[2] ?? ''}`);
    return [`${start}*`, `${start}*/*`, `${start}*/*/*`];
  });
}

function escaped(name: string): string {
  return name.replaceAll(/[*?[\\]/g, '\\$&');
}

function pathOf(field: string): string {
  const parts = field.split('.').map((part) => {
    return /^[^.*[\]"]+$/.test(part) ? part : `[${JSON.stringify(part)}]`;
  });
  return parts.join('.').replaceAll('.[', '[');
}
