import type { JsonValue } from '../shared/json/value.ts';
import { compileRule } from './conditions/compile-rule.ts';
import { compilePlainRule, driftRule, type CompiledRule } from './conditions/plain-rule.ts';
import { EXTENDED_RISK } from './extended-risk/extended-risk.ts';
import { compileGlob } from './glob.ts';
import { canonicalMembers } from './language/canonical.ts';
import { FILE_MEMBERS, RULE_MEMBERS } from './language/tables.ts';
import { listOf, type Rule, type RuleSet, type Settings } from './rule.ts';

/**
 * Compiles every enabled rule once, so that deciding a call parses nothing. All that rules can say stands
 * behind this file, and the built-in ones say little of it: see default-rules.ts.
 *
 * @throws GlobError, PatternError if an enabled rule is malformed; `checkRules` finds those first.
 */
export function createRuleSet(
  rules: readonly Rule[],
  source: string,
  settings: Settings = {},
): RuleSet {
  const enabled = rules.filter((rule) => rule.enabled);
  let text: string | undefined;
  return {
    rules,
    settings,
    get canonicalText() {
      return (text ??= canonicalTextOf(enabled, settings));
    },
    source,
    compiled: [...settingRules(settings), ...enabled.map((rule) => compileRule(rule))],
    knownHosts: listOf(settings.knownHosts).map(compileGlob),
    ...(settings.risk === 'extended' && { extendedRisk: EXTENDED_RISK }),
  };
}

function canonicalTextOf(enabled: readonly Rule[], settings: Settings): string {
  const written = canonicalMembers(FILE_MEMBERS, settings);
  const canonical = { ...written, rules: enabled.map(canonicalRule) };
  const sorted = Object.entries(canonical).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted));
}

/** `enabled` is left out because only enabled rules come here. */
function canonicalRule(rule: Rule): Record<string, JsonValue> {
  return canonicalMembers(RULE_MEMBERS, { ...rule, enabled: undefined });
}

/** The settings that decide about calls, as the rules that they stand for. */
function settingRules({ allow, block, onDrift = 'flag' }: Settings): CompiledRule[] {
  const built = { enabled: true, action: 'block' } as const;
  const rules: CompiledRule[] = [];
  if (block !== undefined) {
    const rule = { ...built, name: 'block list', description: 'the tool is on the block list' };
    rules.push(compileRule(rule, { listed: block }));
  }
  if (allow !== undefined) {
    const rule = { ...built, name: 'allow list', description: 'the tool is not on the allow list' };
    rules.push(compileRule(rule, { unlisted: allow }));
  }
  if (onDrift !== 'pass') rules.push(compilePlainRule(driftRule(onDrift)));
  return rules;
}
