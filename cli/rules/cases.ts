import { isMap, isSeq, type Node } from 'yaml';
import { finding, FINDING_CODES, type FindingCode } from '../../policy/finding.ts';
import { readMapShape } from '../../policy/language/read-shape.ts';
import type { MapShape } from '../../policy/language/shape.ts';
import { problemLine } from '../../policy/load-rules.ts';
import { ACTIONS, type Action } from '../../policy/rule.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { YamlSource } from '../../shared/yaml/yaml-source.ts';
import { isTimestamp } from '../../shared/wire/timestamp.ts';

/** One call, and what is expected of the rules. */
export interface RuleCase {
  readonly name?: string;
  readonly tool: string;
  readonly server?: string;
  readonly client?: string;
  readonly agent?: string;
  readonly arguments?: JsonValue;
  readonly annotations?: JsonObject;
  readonly findings?: readonly FindingCode[];
  /** Calls of one session see each other; a case without one is alone. */
  readonly session?: string;
  readonly at?: string;
  readonly expect: Action;
  readonly rule?: string;
  readonly score?: number;
  readonly line: number;
}

const TEXT = { kind: 'text', oneLine: true } as const;
const CASE: MapShape = {
  kind: 'map',
  members: {
    name: { shape: TEXT, about: 'What the case shows.' },
    tool: { shape: TEXT, about: 'The tool that is called.', required: 'add "tool: ..."' },
    server: { shape: TEXT, about: 'The name of the server.' },
    client: { shape: TEXT, about: 'The name of the client.' },
    agent: { shape: TEXT, about: 'The agent.' },
    arguments: { shape: { kind: 'value' }, about: 'The arguments, as YAML.' },
    annotations: {
      shape: { kind: 'value' },
      about: 'What the server says: {destructiveHint: true}.',
    },
    findings: {
      shape: {
        kind: 'list',
        item: { kind: 'word', what: 'finding', words: FINDING_CODES },
        itemName: 'finding',
        example: '[tool_drift]',
      },
      about: 'What was found about the tool.',
    },
    session: { shape: TEXT, about: 'Calls of one session see each other.' },
    at: { shape: TEXT, about: 'When: 2026-06-15T12:00:00Z.' },
    expect: {
      shape: { kind: 'word', what: 'action', words: ACTIONS },
      about: 'The decision that is expected.',
      required: `add "expect: ..." with one of ${ACTIONS.join(', ')}`,
    },
    rule: { shape: TEXT, about: 'The rule that is expected to decide.' },
    score: {
      shape: { kind: 'whole', min: 0, max: 100, see: 'Risk score' },
      about: 'The risk score that is expected.',
    },
  },
};

/** @throws CodedError `RULES_INVALID` with one line for each mistake */
export function parseCases(text: string, file: string): readonly RuleCase[] {
  const source = new YamlSource(text);
  const isUnreadable = source.root === undefined && source.problems.length > 0;
  const cases = isUnreadable ? [] : readCases(source);
  const { problems } = source;
  if (problems.length === 0) return cases;
  throw new CodedError('RULES_INVALID', problems.map((it) => problemLine(file, it)).join('\n'));
}

function readCases(source: YamlSource): readonly RuleCase[] {
  const { root } = source;
  const list = isMap(root) ? (root.get('cases', true) as Node | undefined) : undefined;
  if (!isMap(root) || root.items.length !== 1 || !isSeq(list) || list.items.length === 0) {
    source.report(
      root ?? 0,
      'no list of cases, or more than that',
      'write "cases:" and a list below',
    );
    return [];
  }
  return (list.items as Node[]).flatMap((item, index) => {
    const what = `case ${index + 1}`;
    const read = readMapShape({ source, what }, item, CASE);
    if (read === undefined) return [];
    // The shape says which members there are and what they hold.
    const found = { ...read, line: source.lineOf(item) } as unknown as RuleCase;
    if (found.at !== undefined && !isTimestamp(found.at)) {
      source.report(item, `"at" of ${what} is no time`, 'write it as 2026-06-15T12:00:00Z');
    }
    return [found];
  });
}

export function findingsOf({ findings }: RuleCase) {
  return findings?.map((code) => finding(code, 'as the case says'));
}
