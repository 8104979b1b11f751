import { checkRules } from '../../policy/load-rules.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';
import type { Imported } from './estoppl.ts';

/** What other Agent Receipts proxies read in a rule; everything else they ignore. */
const KNOWN = new Set([
  'name',
  'description',
  'enabled',
  'tool_pattern',
  'server_pattern',
  'operation_types',
  'min_risk_score',
  'action',
]);

/**
 * A rules file of another Agent Receipts proxy as it is understood there: a rule without `enabled` is
 * off, unknown keys mean nothing, and what is malformed is off.
 */
export function importLenient(file: JsonObject): Imported {
  const notes: string[] = [];
  const list = file['rules'];
  const names = new Set<string>();
  const rules = (Array.isArray(list) ? (list as readonly JsonValue[]) : []).flatMap((it, index) => {
    const number = `rule ${index + 1}`;
    if (!isJsonObject(it)) {
      notes.push(`${number} is no rule; left out`);
      return [];
    }
    const given = Object.entries(it).filter(([, value]) => value !== '' && value !== null);
    const unknown = given.map(([key]) => key).filter((key) => !KNOWN.has(key));
    if (unknown.length > 0)
      notes.push(`${number}: ${unknown.join(', ')} means nothing there; left out`);
    const rule: Record<string, JsonValue> = Object.fromEntries(
      given.filter(([key]) => KNOWN.has(key)),
    );
    const written = rule['name'];
    const name = typeof written === 'string' && !names.has(written) ? written : number;
    rule['name'] = name;
    names.add(name);
    if (rule['enabled'] !== true) {
      if (rule['enabled'] === undefined) notes.push(`${number} has no "enabled" and is off there`);
      rule['enabled'] = false;
    }
    const [problem] = checkRules(JSON.stringify({ rules: [rule] }), '').problems;
    if (problem === undefined) return [rule];
    notes.push(`${number} is left out: ${problem.message}`);
    return [];
  });
  return { file: { rules }, notes };
}
