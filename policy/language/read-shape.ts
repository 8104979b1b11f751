import { isScalar, isSeq, type Node } from 'yaml';
import { suggestWord } from '../../shared/suggest.ts';
import {
  isEmpty,
  isString,
  quote,
  readMap,
  readText,
  wrongType,
  type Member,
  type Members,
} from '../../shared/yaml/read-map.ts';
import type { YamlSource } from '../../shared/yaml/yaml-source.ts';
import { isTimeZone } from '../conditions/window.ts';
import { parseClock, parsePeriod } from '../conditions/period.ts';
import { readCondition } from './read-condition.ts';
import { readExpression, readPath, readPattern } from './read-patterns.ts';
import { readLimits, readNumberValue, readValue } from './read-values.ts';
import {
  camelCase,
  type ListShape,
  type MapShape,
  type MemberShapes,
  type Shape,
} from './shape.ts';

/** Where a value stands: in what, for messages (`rule 2`). */
export interface Place {
  readonly source: YamlSource;
  readonly what: string;
}

/**
 * Reads one value after its shape. Every problem is reported at its place; undefined means that there
 * was one.
 */
export function readShape(place: Place, member: Member, shape: Shape): unknown {
  const { source } = place;
  switch (shape.kind) {
    case 'text':
      return shape.oneLine === true ? readLine(place, member) : readText(source, member);
    case 'flag':
      return readFlag(source, member);
    case 'word':
      return readWord(source, member, shape);
    case 'whole':
      return readWhole(source, member, shape);
    case 'number':
      return readNumberValue(source, member);
    case 'pattern':
      return readPattern(source, member);
    case 'path':
      return readPath(source, member);
    case 'expression':
      return readExpression(source, member);
    case 'duration':
      return readDuration(source, member, shape.orSession === true);
    case 'clock':
      return readChecked(source, member, parseClock, 'a time of day', 'write it as "08:30"');
    case 'zone':
      return readChecked(source, member, zoneOf, 'a time zone', 'write it as Europe/Berlin or UTC');
    case 'value':
      return readValue(source, member, member.value);
    case 'limits':
      return readLimits(source, member);
    case 'condition':
      return readCondition(place, member);
    case 'list':
      return readList(place, member, shape);
    case 'map':
      return readMapShape({ ...place, what: `"${member.name}"` }, member.value, shape);
    case 'entry':
      if (isString(member.value)) return readPattern(source, member);
      return readMapShape({ ...place, what: `"${member.name}"` }, member.value, shape.map);
  }
}

/** The members of a map by their names in the code; undefined when it is none, or one is missing. */
export function readMapShape(
  place: Place,
  written: Node,
  shape: MapShape,
): Record<string, unknown> | undefined {
  const { source, what } = place;
  const members = readMap(source, written, what, Object.keys(shape.members));
  if (members === undefined) return undefined;
  const node = source.follow(written);
  const value = readMembers(place, node, members, shape.members);
  const { needsOneOf } = shape;
  if (needsOneOf !== undefined && !needsOneOf.some((name) => members.has(name))) {
    const remedy = `give at least one of ${needsOneOf.join(', ')}`;
    source.report(written, `${what} says nothing`, remedy);
  }
  return value;
}

export function readMembers(
  place: Place,
  node: Node,
  members: Members,
  shapes: MemberShapes,
): Record<string, unknown> | undefined {
  const result: Record<string, unknown> = {};
  let isComplete = true;
  for (const [name, { shape, required }] of Object.entries(shapes)) {
    const member = members.get(name);
    if (member === undefined) {
      if (required === undefined) continue;
      place.source.report(node, `${place.what} has no ${name}`, required);
      isComplete = false;
      continue;
    }
    const value = readShape(place, member, shape);
    if (value !== undefined) result[camelCase(name)] = value;
    else if (required !== undefined) isComplete = false;
  }
  return isComplete ? result : undefined;
}

function readList(place: Place, member: Member, shape: ListShape): unknown {
  const { source } = place;
  const { value, name } = member;
  if (!isSeq(value)) {
    if (shape.orOne === true && !isEmpty(value)) return readShape(place, member, shape.item);
    const begin = shape.example.startsWith('-') ? 'begin every rule with "- name: ..."' : undefined;
    wrongType(
      source,
      member,
      `"${name}" must be a list`,
      begin ?? `write for example ${shape.example}`,
    );
    return undefined;
  }
  if (value.items.length === 0 && shape.mayBeEmpty !== true) {
    const all = shape.itemName === 'operation type' ? ' to match every operation' : '';
    source.report(value, `"${name}" is empty`, `leave "${name}" out${all}`);
  }
  const items: unknown[] = [];
  for (const item of value.items as Node[]) {
    const read = readShape(place, { name, key: item, value: source.follow(item) }, shape.item);
    if (read !== undefined) items.push(read);
  }
  return items;
}

function readFlag(source: YamlSource, member: Member): boolean | undefined {
  const { value } = member;
  if (isScalar(value) && typeof value.value === 'boolean') return value.value;
  const message = `"${member.name}" must be true or false`;
  wrongType(source, member, message, 'write true or false, without quotes');
  return undefined;
}

/** Stands in log lines, where a line break could forge a line. */
function readLine({ source, what }: Place, member: Member): string | undefined {
  const text = readText(source, member);
  if (text === undefined) return undefined;
  const { name } = member;
  if (text.trim() === '') {
    const remedy =
      name === 'name' ? 'give the rule a name' : `leave "${name}" out, or say something`;
    source.report(member.value, `the ${name} of ${what} is empty`, remedy);
    return undefined;
  }
  // Spelled out: to look up \p{Cc} would be a tenth of the time that a short file takes.
  // oxlint-disable-next-line no-control-regex -- controls are what is looked for
  if (/[\0-\x1f\x7f-\x9f\u2028\u2029]/.test(text)) {
    const message = `the ${name} of ${what} contains a control character`;
    source.report(member.value, message, `write the ${name} on one line`);
    return undefined;
  }
  return text;
}

function readWhole(
  source: YamlSource,
  member: Member,
  { min, max, see }: Extract<Shape, { kind: 'whole' }>,
): number | undefined {
  const number = isScalar(member.value) ? member.value.value : undefined;
  const isWhole = typeof number === 'number' && Number.isInteger(number);
  if (isWhole && min <= number && number <= max) return number;
  const message = `"${member.name}" must be a whole number from ${min} to ${max}`;
  wrongType(source, member, message, `see "${see}" in docs/rules.md`);
  return undefined;
}

/** One of a fixed set of words, told apart by case. */
function readWord(
  source: YamlSource,
  member: Member,
  { what, words }: Extract<Shape, { kind: 'word' }>,
): string | undefined {
  const { value } = member;
  const known = `write one of ${words.join(', ')}`;
  if (!isString(value)) {
    wrongType(source, member, `the ${what} must be text`, known);
    return undefined;
  }
  const word = words.find((candidate) => candidate === value.value);
  if (word !== undefined) return word;
  const meant = suggestWord(value.value, words);
  const remedy = meant === undefined ? known : `did you mean "${meant}"?`;
  source.report(value, `unknown ${what} ${quote(value.value)}`, remedy);
  return undefined;
}

function readDuration(source: YamlSource, member: Member, orSession: boolean): string | undefined {
  const parse = (text: string) => (orSession && text === 'session' ? 0 : parsePeriod(text));
  const remedy = `write it as 30s, 5m, 24h or 7d${orSession ? ', or session' : ''}; at most 366d`;
  return readChecked(source, member, parse, 'a period', remedy);
}

function readChecked(
  source: YamlSource,
  member: Member,
  parse: (text: string) => unknown,
  what: string,
  remedy: string,
): string | undefined {
  const { value, name } = member;
  if (isString(value) && parse(value.value) !== undefined) return value.value;
  wrongType(source, member, `"${name}" must be ${what}`, remedy);
  return undefined;
}

function zoneOf(text: string): string | undefined {
  return isTimeZone(text) ? text : undefined;
}
