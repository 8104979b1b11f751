import { CodedError } from '../../shared/errors.ts';
import { OUTCOME_STATUSES, RISK_LEVELS } from '../../shared/receipt/receipt.ts';

/** Which receipts, where several are shown. */
export const filterFlags = {
  chain: { type: 'string', placeholder: 'ID', describe: 'only this chain, in its own order' },
  tool: {
    type: 'string',
    placeholder: 'NAME',
    describe: 'only this tool, or the action type of a receipt without one; * stands for any text',
  },
  risk: { type: 'string', placeholder: 'LEVEL', describe: `only ${RISK_LEVELS.join(', ')}` },
  status: {
    type: 'string',
    placeholder: 'STATUS',
    describe: `only ${OUTCOME_STATUSES.join(', ')}`,
  },
} as const;

export const longFlag = {
  type: 'boolean',
  describe: 'add columns for status, risk, decision, call and time',
} as const;

interface Words {
  readonly risk: string | undefined;
  readonly status: string | undefined;
}

/** @throws CodedError `USAGE` for a level or a status that no receipt has */
export function knownWords({ risk, status }: Words): Words {
  return {
    risk: oneOf('risk', RISK_LEVELS, risk),
    status: oneOf('status', OUTCOME_STATUSES, status),
  };
}

function oneOf(flag: string, allowed: readonly string[], value: string | undefined) {
  if (value === undefined || allowed.includes(value)) return value;
  const expected = allowed.join(', ');
  throw new CodedError('USAGE', `-${flag} is ${JSON.stringify(value)}, expected ${expected}`);
}

/** Said when a search stopped before the end. */
export function lookedAtText(lookedAt: number): string {
  return `looked at the newest ${lookedAt.toLocaleString('en')} receipts`;
}
