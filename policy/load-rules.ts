import type { Node } from 'yaml';
import { isScalar, isSeq } from 'yaml';
import { CodedError } from '../shared/errors.ts';
import {
  isEmpty,
  isString,
  quote,
  readMap,
  readText,
  wrongType,
  type Member,
  type Members,
} from '../shared/yaml/read-map.ts';
import { suggestWord } from '../shared/suggest.ts';
import { YamlSource, type YamlProblem } from '../shared/yaml/yaml-source.ts';
import { compileGlob, GlobError } from './glob.ts';
import type { Action, OperationType, Rule, RuleSet, Settings } from './rule.ts';
import { ACTIONS, createRuleSet, OPERATION_TYPES } from './rule.ts';

export type RulesProblem = YamlProblem;

const FILE_KEYS = ['rules', 'on_drift', 'hide_blocked'];
const RULE_KEYS = [
  'name',
  'description',
  'enabled',
  'tool_pattern',
  'server_pattern',
  'operation_types',
  'min_risk_score',
  'action',
];
const MAX_RISK_SCORE = 100;

export type RulesCheck = {
  /** The rules; absent when there is any problem, since half a policy is not a policy. */
  readonly ruleSet?: RuleSet;
  /** Everything that is wrong, in the order of the file. */
  readonly problems: readonly RulesProblem[];
};

/**
 * Reads a rules file strictly: what is not understood is a problem, never ignored, because a rule
 * that silently does nothing protects nobody. Syntax errors hide what comes after them, so a file
 * that is not YAML reports those only. Never throws for a bad file.
 *
 * @param text - The file's text; a byte order mark is allowed.
 * @param file - The file's name, kept as `RuleSet.source`.
 */
export function checkRules(text: string, file: string): RulesCheck {
  const source = new YamlSource(text);
  const isNoYaml = source.root === undefined && source.problems.length > 0;
  const { rules, settings } = isNoYaml ? { rules: [], settings: {} } : readFile(source);
  const { problems } = source;
  if (problems.length > 0) return { problems };
  return { ruleSet: createRuleSet(rules, file, settings), problems };
}

/**
 * Reads a rules file, or throws one RULES_INVALID that lists every problem, one per line, as
 * `FILE:LINE:COLUMN: what is wrong; what to do`.
 */
export function parseRules(text: string, file: string): RuleSet {
  const { ruleSet, problems } = checkRules(text, file);
  if (ruleSet !== undefined) return ruleSet;
  const lines = problems.map(
    ({ line, column, message, remedy }) => `${file}:${line}:${column}: ${message}; ${remedy}`,
  );
  throw new CodedError('RULES_INVALID', lines.join('\n'));
}

interface RulesFile {
  readonly rules: readonly Rule[];
  readonly settings: Settings;
}

const NOTHING: RulesFile = { rules: [], settings: {} };

function readFile(source: YamlSource): RulesFile {
  const { root } = source;
  if (root === undefined || isEmpty(root)) {
    source.report(0, 'the file is empty', 'write a "rules" list; "rules: []" means no rules');
    return NOTHING;
  }
  const members = readMap(source, root, 'the file', FILE_KEYS);
  if (members === undefined) return NOTHING;
  const list = members.get('rules');
  if (list === undefined) {
    source.report(root, 'no "rules" list', 'write "rules:" and the list of rules below it');
    return NOTHING;
  }
  if (!isSeq(list.value)) {
    wrongType(source, list, '"rules" must be a list', 'begin every rule with "- name: ..."');
    return NOTHING;
  }
  const rules: Rule[] = [];
  const lines = new Map<string, number>();
  for (const [index, item] of list.value.items.entries()) {
    const rule = readRule(source, item as Node, index + 1, lines);
    if (rule !== undefined) rules.push(rule);
  }
  return { rules, settings: readSettings(source, members) };
}

function readSettings(source: YamlSource, members: Members): Settings {
  const drift = members.get('on_drift');
  const onDrift =
    drift === undefined ? undefined : readWord(source, drift, drift.value, 'action', ACTIONS);
  const hideBlocked = readFlag(source, members.get('hide_blocked'));
  return {
    ...(onDrift !== undefined && { onDrift }),
    ...(hideBlocked !== undefined && { hideBlocked }),
  };
}

/** @param lines - The line of every rule name so far; the rule's own is added. */
function readRule(
  source: YamlSource,
  item: Node,
  number: number,
  lines: Map<string, number>,
): Rule | undefined {
  const node = source.follow(item);
  const members = readMap(source, item, `rule ${number}`, RULE_KEYS);
  if (members === undefined) return undefined;

  const name = readName(source, members, node, number);
  if (name !== undefined) {
    const first = lines.get(name);
    // A rule repeated through an alias is wrong where the alias stands.
    const at = item === node ? (members.get('name')?.key ?? item) : item;
    if (first === undefined) lines.set(name, source.lineOf(at));
    else source.report(at, `rule name "${name}" is used already on line ${first}`, 'rename one');
  }
  const description = readText(source, members.get('description'));
  const enabled = readFlag(source, members.get('enabled'));
  const toolPattern = readPattern(source, members.get('tool_pattern'));
  const serverPattern = readPattern(source, members.get('server_pattern'));
  const operationTypes = readOperationTypes(source, members.get('operation_types'));
  const minRiskScore = readScore(source, members.get('min_risk_score'));
  const action = readAction(source, members, node, number);
  if (name === undefined || action === undefined) return undefined;
  return {
    name,
    description: description ?? '',
    enabled: enabled ?? true,
    ...(toolPattern !== undefined && { toolPattern }),
    ...(serverPattern !== undefined && { serverPattern }),
    ...(operationTypes !== undefined && { operationTypes }),
    ...(minRiskScore !== undefined && { minRiskScore }),
    action,
  };
}

function readName(
  source: YamlSource,
  members: Members,
  rule: Node,
  number: number,
): string | undefined {
  const member = members.get('name');
  if (member === undefined) {
    source.report(rule, `rule ${number} has no name`, 'add "name: ..."; logs and receipts show it');
    return undefined;
  }
  const name = readText(source, member);
  if (name === undefined) return undefined;
  if (name.trim() === '') {
    source.report(member.value, `the name of rule ${number} is empty`, 'give the rule a name');
    return undefined;
  }
  // Names stand in log lines; a line break in one could forge a line.
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) {
    const message = `the name of rule ${number} contains a control character`;
    source.report(member.value, message, 'write the name on one line');
    return undefined;
  }
  return name;
}

function readAction(
  source: YamlSource,
  members: Members,
  rule: Node,
  number: number,
): Action | undefined {
  const member = members.get('action');
  if (member === undefined) {
    const message = `rule ${number} has no action`;
    source.report(rule, message, `add "action: ..." with one of ${ACTIONS.join(', ')}`);
    return undefined;
  }
  return readWord(source, member, member.value, 'action', ACTIONS);
}

function readFlag(source: YamlSource, member: Member | undefined): boolean | undefined {
  if (member === undefined) return undefined;
  const { value } = member;
  if (isScalar(value) && typeof value.value === 'boolean') return value.value;
  const message = `"${member.name}" must be true or false`;
  wrongType(source, member, message, 'write true or false, without quotes');
  return undefined;
}

function readPattern(source: YamlSource, member: Member | undefined): string | undefined {
  const pattern = readText(source, member);
  if (member === undefined || pattern === undefined) return undefined;
  const { name } = member;
  if (pattern === '') {
    // Elsewhere an empty pattern means "every tool", by its own rules it means "no tool".
    const remedy = `leave "${name}" out to match everything`;
    source.report(member.value, `"${name}" is empty`, remedy);
    return undefined;
  }
  try {
    compileGlob(pattern);
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    const message = `"${name}" ${quote(pattern)} is malformed at character ${error.offset + 1}`;
    const remedy = 'see "Patterns" in docs/rules.md';
    source.report(member.value, `${message}: ${error.message}`, remedy);
    return undefined;
  }
  return pattern;
}

function readOperationTypes(
  source: YamlSource,
  member: Member | undefined,
): OperationType[] | undefined {
  if (member === undefined) return undefined;
  const list = member.value;
  if (!isSeq(list)) {
    const message = '"operation_types" must be a list';
    wrongType(source, member, message, 'write for example [write, delete]');
    return undefined;
  }
  if (list.items.length === 0) {
    const remedy = 'leave "operation_types" out to match every operation';
    source.report(list, '"operation_types" is empty', remedy);
  }
  const types: OperationType[] = [];
  for (const item of list.items as Node[]) {
    const value = source.follow(item);
    const type = readWord(source, member, value, 'operation type', OPERATION_TYPES);
    if (type !== undefined) types.push(type);
  }
  return types;
}

function readScore(source: YamlSource, member: Member | undefined): number | undefined {
  if (member === undefined) return undefined;
  const score = isScalar(member.value) ? member.value.value : undefined;
  if (
    typeof score === 'number' &&
    Number.isInteger(score) &&
    0 <= score &&
    score <= MAX_RISK_SCORE
  ) {
    return score;
  }
  const message = `"min_risk_score" must be a whole number from 0 to ${MAX_RISK_SCORE}`;
  wrongType(source, member, message, 'see "Risk score" in docs/rules.md');
  return undefined;
}

/** One of a fixed set of words, told apart by case. */
function readWord<Word extends string>(
  source: YamlSource,
  member: Member,
  value: Node,
  what: string,
  words: readonly Word[],
): Word | undefined {
  const known = `write one of ${words.join(', ')}`;
  if (!isString(value)) {
    wrongType(source, { ...member, value }, `the ${what} must be text`, known);
    return undefined;
  }
  const word = words.find((candidate) => candidate === value.value);
  if (word !== undefined) return word;
  const meant = suggestWord(value.value, words);
  const remedy = meant === undefined ? known : `did you mean "${meant}"?`;
  source.report(value, `unknown ${what} ${quote(value.value)}`, remedy);
  return undefined;
}
