/** What to do with a call, from the least restrictive to the most. */
export const ACTIONS = ['pass', 'flag', 'pause', 'block'] as const;
export type Action = (typeof ACTIONS)[number];

export const OPERATION_TYPES = ['read', 'write', 'delete', 'execute', 'unknown'] as const;
export type OperationType = (typeof OPERATION_TYPES)[number];

/** `standard` is the score that peers compute; `extended` can only be higher. */
export const RISK_MODES = ['standard', 'extended'] as const;
export type RiskMode = (typeof RISK_MODES)[number];

/** What a limit counts apart from each other. */
export const SCOPES = ['session', 'tool', 'server', 'agent', 'client'] as const;
export type Scope = (typeof SCOPES)[number];

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

/** Negative, zero or positive as `a` is less, equally or more restrictive than `b`. */
export function compareSeverity(a: Action, b: Action): number {
  return ACTIONS.indexOf(a) - ACTIONS.indexOf(b);
}
