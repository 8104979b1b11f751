import type { Action, RuleSet } from './rule.ts';

export type Approver = {
  /** Where a person can answer a paused call; empty when nobody can. */
  readonly approverUrl: string;
  /**
   * How `-http` was given: not at all, as `none` (the operator knows that nobody will be asked),
   * or as an empty string (off, but perhaps by mistake).
   */
  readonly httpFlag: 'unset' | 'acknowledged' | 'empty';
};

export type PolicyBanner = {
  /** For a person. */
  readonly text: string;
  /** The same for a program: one line of JSON. */
  readonly json: string;
};

/**
 * The two lines a proxy writes to standard error when it starts. Scripts look for both, so the
 * texts and the order of the JSON members are fixed.
 */
export function policyBanner(rules: RuleSet, { approverUrl, httpFlag }: Approver): PolicyBanner {
  const enabled = rules.rules.filter((rule) => rule.enabled);
  const namesOf = (action: Action): string[] =>
    enabled.filter((rule) => rule.action === action).map((rule) => rule.name);
  const pauseRules = namesOf('pause');
  const blockRules = namesOf('block');
  const disabledCount = rules.rules.length - enabled.length;
  const approverDisabled = approverUrl === '' && httpFlag !== 'empty';

  // Pause rules with nobody to ask: a hint by default, a warning if it looks like a mistake, and
  // nothing to someone who said `none`.
  let level = 'INFO';
  let hint = '';
  if (approverUrl === '' && pauseRules.length > 0) {
    if (httpFlag === 'unset') {
      hint = ' — approver off by default; pass -http <addr> to enable';
    } else if (httpFlag === 'empty') {
      level = 'WARN';
      hint =
        ' — pause rules will fail (set -http=ADDR to enable approver, or -http=none to acknowledge)';
    }
  }

  const approver = approverDisabled ? 'disabled' : approverUrl === '' ? 'NONE' : approverUrl;
  const disabled = disabledCount > 0 ? ` (${disabledCount} disabled)` : '';
  const pause = pauseRules.length > 0 ? ` (${pauseRules.join(', ')})` : '';
  const block =
    blockRules.length > 0 ? `, ${blockRules.length} block (${blockRules.join(', ')})` : '';

  return {
    text:
      `mcp-proxy: [${level}] policy: ${enabled.length} rules enabled${disabled}, ` +
      `${pauseRules.length} require approval${pause}${block}; approver: ${approver}${hint}`,
    json: encodeLine({
      approver_disabled: approverDisabled,
      approver_set: approverUrl !== '',
      approver_url: approverUrl,
      block_rules: blockRules.length > 0 ? blockRules : null,
      event: 'policy_banner',
      level,
      pause_rules: pauseRules.length > 0 ? pauseRules : null,
      rules_loaded: enabled.length,
    }),
  };
}

/** JSON as Go writes it: these characters are escaped so that the line can stand in HTML. */
function encodeLine(value: object): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
