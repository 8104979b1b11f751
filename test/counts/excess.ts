import type { Limit } from './limits.ts';

/**
 * What is over its limit, each with the reason for the limit; empty when all is well. A count of zero
 * where something may be counted is no good news either: a counter that has come loose is never red again.
 */
export function excess<Name extends string>(
  limits: Readonly<Record<Name, Limit>>,
  counts: Readonly<Record<NoInfer<Name>, number>>,
): readonly string[] {
  return (Object.entries(limits) as [Name, Limit][]).flatMap(([name, { atMost, why }]) => {
    const count = counts[name];
    if (count > atMost) return [`${name}: ${count}, at most ${atMost}: ${why}`];
    return count > 0 || atMost === 0 ? [] : [`${name}: ${count}, nothing was counted`];
  });
}
