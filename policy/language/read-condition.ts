import { isSeq, type Node } from 'yaml';
import { readMap, wrongType, type Member, type Members } from '../../shared/yaml/read-map.ts';
import type { Condition } from '../rule.ts';
import { readMembers, readShape, type Place } from './read-shape.ts';
import type { MemberShapes } from './shape.ts';
import { AMOUNT_MEMBERS, LOGIC_MEMBERS, TEST_MEMBERS } from './tables.ts';

const KEYS = [
  ...new Set([TEST_MEMBERS, AMOUNT_MEMBERS, LOGIC_MEMBERS].flatMap((it) => Object.keys(it))),
];
const EXAMPLE = 'write for example {field: path, contains: "/etc/"}';

/** Reads a condition on the arguments: a test of one field, an amount, any, all, not, or a list. */
export function readCondition(place: Place, member: Member): Condition | undefined {
  const { source } = place;
  const { value, name } = member;
  if (isSeq(value)) {
    if (value.items.length === 0) source.report(value, `"${name}" is empty`, EXAMPLE);
    const items = (value.items as Node[]).map((item) =>
      readCondition(place, { name, key: item, value: source.follow(item) }),
    );
    return items.filter((item) => item !== undefined);
  }
  const before = source.problems.length;
  const members = readMap(source, value, 'a condition', KEYS);
  if (members === undefined) return undefined;
  const shapes = formOf(place, member, members, source.problems.length > before);
  if (shapes === undefined) return undefined;
  const read: Record<string, unknown> = {};
  for (const [key, { shape }] of Object.entries(shapes)) {
    const part = members.get(key);
    const partValue = part === undefined ? undefined : readShape(place, part, shape);
    if (partValue !== undefined) read[key] = partValue;
  }
  if (shapes === AMOUNT_MEMBERS) {
    readMembers({ ...place, what: 'an amount' }, value, new Map(), requiredOf(shapes, members));
  }
  if (shapes === TEST_MEMBERS) checkTests(place, value, members);
  return read as Condition;
}

/** Which kind of condition it is; a mixture is none. */
function formOf(
  { source }: Place,
  { value }: Member,
  members: Members,
  hasProblem: boolean,
): MemberShapes | undefined {
  const first = [...members.keys()].find((key) => Object.hasOwn(LOGIC_MEMBERS, key));
  const shapes =
    first !== undefined ? LOGIC_MEMBERS : members.has('amount') ? AMOUNT_MEMBERS : TEST_MEMBERS;
  const chief = first ?? (members.has('amount') ? 'amount' : 'field');
  if (!members.has(chief)) {
    // After an unknown key it is not known what was meant to be here.
    if (!hasProblem) {
      source.report(value, 'a condition needs "field", "amount", "any", "all" or "not"', EXAMPLE);
    }
    return undefined;
  }
  const stranger = [...members.values()].find(({ name }) =>
    first === undefined ? !Object.hasOwn(shapes, name) : name !== first,
  );
  if (stranger === undefined) return shapes;
  const remedy = 'make a list of two conditions; all of them must hold';
  source.report(stranger.key, `"${stranger.name}" cannot stand beside "${chief}"`, remedy);
  return undefined;
}

function requiredOf(shapes: MemberShapes, members: Members): MemberShapes {
  return Object.fromEntries(Object.entries(shapes).filter(([key]) => !members.has(key)));
}

function checkTests({ source }: Place, node: Node, members: Members): void {
  const tests = [...members.values()].filter(({ name }) => name !== 'field');
  if (tests.length === 0) {
    const known = Object.keys(TEST_MEMBERS).filter((key) => key !== 'field');
    source.report(node, 'a condition without a test', `add one of ${known.join(', ')}`);
    return;
  }
  const exists = members.get('exists');
  const isAbsent = exists !== undefined && 'value' in exists.value && exists.value.value === false;
  if (isAbsent && tests.length > 1) {
    const message = '"exists: false" leaves nothing to test';
    wrongType(source, exists, message, 'remove it, or the other tests');
  }
}
