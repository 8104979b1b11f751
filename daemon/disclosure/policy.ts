import { CodedError } from '../../shared/errors.ts';
import type { RiskLevel } from '../../shared/receipt/receipt.ts';

/** Which actions get an envelope. */
export type DisclosurePolicy =
  | { readonly mode: 'off' | 'all' | 'high' }
  | { readonly mode: 'types'; readonly types: ReadonlySet<string> };

const KEYWORDS: ReadonlyMap<string, 'off' | 'all' | 'high'> = new Map([
  ['', 'off'],
  ['false', 'off'],
  ['off', 'off'],
  ['0', 'off'],
  ['true', 'all'],
  ['all', 'all'],
  ['1', 'all'],
  ['high', 'high'],
]);

/**
 * Reads a policy: a keyword in any case, or action types separated by commas.
 *
 * @param setting - The name of the setting, for messages.
 * @throws CodedError `CONFIG_INVALID` for an empty item, or a keyword in a list: `all,x` would
 *   otherwise be read as an action type that never occurs, and seal nothing
 * @see Daemon protocol, "Forensic disclosure policy"
 */
export function parseDisclosurePolicy(setting: string, text: string): DisclosurePolicy {
  const mode = KEYWORDS.get(text.trim().toLowerCase());
  if (mode !== undefined) return { mode };
  const fault = disclosureFault(text);
  if (fault !== undefined) throw new CodedError('CONFIG_INVALID', `${setting}: ${fault}`);
  return { mode: 'types', types: new Set(typesOf(text)) };
}

/** Why a text is no policy; undefined when it is one. */
export function disclosureFault(text: string): string | undefined {
  if (KEYWORDS.has(text.trim().toLowerCase())) return undefined;
  const types = typesOf(text);
  if (types.includes('')) return `empty action type in "${text}"`;
  const keyword = types.find((type) => KEYWORDS.has(type.toLowerCase()));
  return keyword === undefined ? undefined : `"${keyword}" cannot stand in a list`;
}

/** A policy as `daemon.toml` may also have it, true, false or an array of action types, as text. */
export function disclosureText(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'all' : 'off';
  if (!Array.isArray(value) || !value.every(isActionType)) return undefined;
  return value.join(',');
}

/** `["all"]` would otherwise be read as the keyword, and `["a,b"]` as two types. */
function isActionType(item: unknown): item is string {
  return (
    typeof item === 'string' && !item.includes(',') && !KEYWORDS.has(item.trim().toLowerCase())
  );
}

function typesOf(text: string): string[] {
  return text.split(',').map((item) => item.trim());
}

/** @param actionType - Compared exactly, as the receipt will have it. */
export function coversAction(
  policy: DisclosurePolicy,
  actionType: string,
  risk: RiskLevel,
): boolean {
  switch (policy.mode) {
    case 'off':
      return false;
    case 'all':
      return true;
    case 'high':
      return risk === 'high' || risk === 'critical';
    case 'types':
      return policy.types.has(actionType);
  }
}
