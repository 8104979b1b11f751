import { isMap, isSeq, type Node } from 'yaml';
import { CodedError } from '../shared/errors.ts';
import { isEmpty, readMap, wrongType, type Members } from '../shared/yaml/read-map.ts';
import { YamlSource, type YamlProblem } from '../shared/yaml/yaml-source.ts';
import { readMembers } from './language/read-shape.ts';
import { FILE_MEMBERS, RULE_MEMBERS } from './language/tables.ts';
import type { Rule, RuleSet, Settings } from './rule.ts';
import { createRuleSet } from './rule-set.ts';
import { findWarnings } from './warnings.ts';

export type RulesProblem = YamlProblem;

export type RulesCheck = {
  /** The rules; absent when there is any problem, since half a policy is not a policy. */
  readonly ruleSet?: RuleSet;
  /** Everything that is wrong, in the order of the file. */
  readonly problems: readonly RulesProblem[];
  /** Rules that are in order and can never decide anything. Only of a file without problems. */
  readonly warnings: readonly RulesProblem[];
};

interface ReadFile {
  readonly rules: readonly Rule[];
  readonly settings: Settings;
  /** Where each rule stands, in the order of the rules. */
  readonly nodes: readonly Node[];
}

const NOTHING: ReadFile = { rules: [], settings: {}, nodes: [] };

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
  const { ruleSet, nodes } = readRuleSet(source, file);
  const { problems } = source;
  if (ruleSet === undefined) return { problems, warnings: [] };
  const { rules } = ruleSet;
  for (const { rule, message, remedy } of findWarnings(ruleSet)) {
    source.report(nodes[rules.indexOf(rule)] ?? 0, message, remedy);
  }
  return { ruleSet, problems, warnings: source.problems };
}

/**
 * Reads a rules file, or throws one RULES_INVALID that lists every problem, one per line, as
 * `FILE:LINE:COLUMN: what is wrong; what to do`.
 */
export function parseRules(text: string, file: string): RuleSet {
  const source = new YamlSource(text);
  const { ruleSet } = readRuleSet(source, file);
  if (ruleSet !== undefined) return ruleSet;
  const { problems } = source;
  throw new CodedError('RULES_INVALID', problems.map((it) => problemLine(file, it)).join('\n'));
}

function readRuleSet(
  source: YamlSource,
  file: string,
): { readonly ruleSet?: RuleSet; readonly nodes: readonly Node[] } {
  const isUnreadable = source.root === undefined && source.problems.length > 0;
  const { rules, settings, nodes } = isUnreadable ? NOTHING : readFile(source);
  if (source.problems.length > 0) return { nodes };
  return { ruleSet: createRuleSet(rules, file, settings), nodes };
}

export function problemLine(file: string, { line, column, message, remedy }: RulesProblem): string {
  return `${file}:${line}:${column}: ${message}; ${remedy}`;
}

function readFile(source: YamlSource): ReadFile {
  const { root } = source;
  if (root === undefined || isEmpty(root)) {
    source.report(0, 'the file is empty', 'write a "rules" list; "rules: []" means no rules');
    return NOTHING;
  }
  const members = readMap(source, root, 'the file', Object.keys(FILE_MEMBERS));
  if (members === undefined) return NOTHING;
  const { rules: _, ...settingShapes } = FILE_MEMBERS;
  const settings = readMembers({ source, what: 'the file' }, root, members, settingShapes) ?? {};
  return { ...readRules(source, root, members), settings };
}

function readRules(source: YamlSource, root: Node, members: Members): Omit<ReadFile, 'settings'> {
  const list = members.get('rules');
  if (list === undefined) {
    // Lists are a policy of their own.
    if (!members.has('allow') && !members.has('block')) {
      source.report(root, 'no "rules" list', 'write "rules:" and the list of rules below it');
    }
    return NOTHING;
  }
  if (!isSeq(list.value)) {
    wrongType(source, list, '"rules" must be a list', 'begin every rule with "- name: ..."');
    return NOTHING;
  }
  const rules: Rule[] = [];
  const nodes: Node[] = [];
  const lines = new Map<string, number>();
  for (const [index, item] of list.value.items.entries()) {
    const rule = readRule(source, item as Node, index + 1, lines);
    if (rule === undefined) continue;
    rules.push(rule);
    nodes.push(item as Node);
  }
  return { rules, nodes };
}

/** @param lines - The line of every rule name so far; the rule's own is added. */
function readRule(
  source: YamlSource,
  item: Node,
  number: number,
  lines: Map<string, number>,
): Rule | undefined {
  const what = `rule ${number}`;
  const members = readMap(source, item, what, Object.keys(RULE_MEMBERS));
  if (members === undefined) return undefined;
  const node = source.follow(item);
  const read = readMembers({ source, what }, node, members, RULE_MEMBERS);
  checkName(source, item, members, lines);
  // The tables say which members there are and what they hold; nothing else gets here.
  return read === undefined ? undefined : ({ description: '', enabled: true, ...read } as Rule);
}

function checkName(
  source: YamlSource,
  item: Node,
  members: Members,
  lines: Map<string, number>,
): void {
  const member = members.get('name');
  const name: unknown =
    member !== undefined && 'value' in member.value ? member.value.value : undefined;
  if (member === undefined || typeof name !== 'string' || name.trim() === '') return;
  const first = lines.get(name);
  // A rule repeated through an alias is wrong where the alias stands.
  const at = isMap(item) ? member.key : item;
  if (first === undefined) lines.set(name, source.lineOf(at));
  else source.report(at, `rule name "${name}" is used already on line ${first}`, 'rename one');
}
