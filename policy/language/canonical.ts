import type { JsonValue } from '../../shared/json/value.ts';
import { AMOUNT_MEMBERS, LOGIC_MEMBERS, TEST_MEMBERS } from './tables.ts';
import { camelCase, type MemberShapes, type Shape } from './shape.ts';

const CONDITION_MEMBERS = { ...TEST_MEMBERS, ...AMOUNT_MEMBERS, ...LOGIC_MEMBERS };

/**
 * The members as they stand in a digest: sorted, named as in the file, without what is the default
 * anyway. Receipts carry a hash of this text: changing it changes the digest of every policy in the
 * world.
 */
export function canonicalMembers(
  members: MemberShapes,
  value: Readonly<Record<string, unknown>>,
): Record<string, JsonValue> {
  const result: Record<string, JsonValue> = {};
  for (const name of Object.keys(members).sort()) {
    const written = value[camelCase(name)];
    const member = members[name];
    if (written === undefined || member === undefined || written === member.default) continue;
    result[name] = canonicalValue(member.shape, written);
  }
  return result;
}

function canonicalValue(shape: Shape, value: unknown): JsonValue {
  switch (shape.kind) {
    case 'list': {
      if (!Array.isArray(value)) return canonicalValue(shape.item, value);
      const items = value.map((item: unknown) => canonicalValue(shape.item, item));
      if (shape.isSet === true) return [...new Set(items as string[])].sort();
      return shape.orOne === true && items.length === 1 ? (items[0] as JsonValue) : items;
    }
    case 'map':
      return canonicalMembers(shape.members, value as Record<string, unknown>);
    case 'entry':
      if (typeof value === 'string') return value;
      return canonicalMembers(shape.map.members, value as Record<string, unknown>);
    case 'condition':
      if (Array.isArray(value)) return value.map((item) => canonicalValue(shape, item));
      return canonicalMembers(CONDITION_MEMBERS, fromFile(value as Record<string, unknown>));
    default:
      return sortedValue(value as JsonValue);
  }
}

/** Conditions keep the names of the file in the code too. */
function fromFile(condition: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(condition);
  return Object.fromEntries(entries.map(([name, value]) => [camelCase(name), value]));
}

/** Values of the operator, nested no deeper than a rules file can be. */
function sortedValue(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(sortedValue);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, sortedValue(member)]));
}
