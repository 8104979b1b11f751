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
  const types = text.split(',').map((item) => item.trim());
  for (const type of types) {
    if (type === '') {
      throw new CodedError('CONFIG_INVALID', `${setting}: empty action type in "${text}"`);
    }
    if (KEYWORDS.has(type.toLowerCase())) {
      throw new CodedError('CONFIG_INVALID', `${setting}: "${type}" cannot stand in a list`);
    }
  }
  return { mode: 'types', types: new Set(types) };
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
