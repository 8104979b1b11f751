import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { JsonValue } from '../../shared/json/value.ts';
import { isString, quote, wrongType, type Member } from '../../shared/yaml/read-map.ts';
import type { YamlSource } from '../../shared/yaml/yaml-source.ts';
import type { Limits } from '../rule.ts';

export function readNumberValue(source: YamlSource, member: Member): number | undefined {
  const number = numberOf(member.value);
  if (number !== undefined) return number;
  const message = `"${member.name}" must be a number`;
  wrongType(source, member, message, 'write a number, without quotes');
  return undefined;
}

/** A limit that no amount could be within would be a mistake; 0 is not. */
export function readLimits(source: YamlSource, member: Member): Limits | undefined {
  const { name, value } = member;
  const example = `write "${name}: 1000", or by currency "${name}: {EUR: 1000, USD: 1100}"`;
  const number = numberOf(value);
  if (number !== undefined && number >= 0) return number;
  if (!isMap(value)) {
    wrongType(source, member, `"${name}" must be a number from 0, or a map of them`, example);
    return undefined;
  }
  if (value.items.length === 0) source.report(value, `"${name}" is empty`, example);
  const limits: Record<string, number> = {};
  for (const { key, value: written } of value.items) {
    const currency = source.follow(key as Node);
    const limit = written === null ? undefined : numberOf(source.follow(written as Node));
    if (!isString(currency) || !/^[A-Z0-9]{1,12}$/.test(currency.value)) {
      source.report(key as Node, `a currency of "${name}" must be capitals, as EUR`, example);
    } else if (limit === undefined || limit < 0) {
      const message = `the limit of ${quote(currency.value)} must be a number from 0`;
      source.report((written ?? key) as Node, message, example);
    } else if (Object.hasOwn(limits, currency.value)) {
      source.report(key as Node, `${currency.value} stands twice`, 'remove one of them');
    } else limits[currency.value] = limit;
  }
  return limits;
}

/** Any JSON value. What YAML has beyond JSON is a problem. */
export function readValue(
  source: YamlSource,
  member: Member,
  written: Node,
): JsonValue | undefined {
  const node = source.follow(written);
  const { name } = member;
  if (isSeq(node)) {
    const items = (node.items as Node[]).map((item) => readValue(source, member, item));
    return items.some((item) => item === undefined) ? undefined : (items as JsonValue[]);
  }
  if (isMap(node)) {
    const entries: [string, JsonValue][] = [];
    for (const { key, value } of node.items) {
      const at = source.follow(key as Node);
      const item = value === null ? null : readValue(source, member, value as Node);
      if (!isString(at)) {
        source.report(key as Node, `a key in "${name}" must be text`, 'write it in quotes');
      } else if (entries.some(([other]) => other === at.value)) {
        source.report(key as Node, `key ${quote(at.value)} stands twice`, 'remove one of them');
      } else if (item !== undefined) entries.push([at.value, item]);
    }
    return entries.length === node.items.length ? Object.fromEntries(entries) : undefined;
  }
  const value: unknown = isScalar(node) ? node.value : undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  const number = numberOf(node);
  if (number !== undefined) return number;
  source.report(written, `"${name}" is no JSON value`, 'write a number, text, true, false or null');
  return undefined;
}

function numberOf(node: Node): number | undefined {
  const value: unknown = isScalar(node) ? node.value : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
