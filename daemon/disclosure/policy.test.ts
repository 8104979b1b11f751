import { expect, test } from 'vitest';
import { RISK_LEVELS } from '../../shared/receipt/receipt.ts';
import { coversAction, parseDisclosurePolicy } from './policy.ts';

const TYPE = 'mcp.github.create_issue';

// the setting, then the risk levels at which an action of TYPE is covered
for (const [text, ...levels] of [
  [''],
  ['  '],
  ['off'],
  ['OFF'],
  ['False'],
  ['0'],
  ['true', ...RISK_LEVELS],
  ['All', ...RISK_LEVELS],
  ['1', ...RISK_LEVELS],
  ['high', 'high', 'critical'],
  [' HIGH ', 'high', 'critical'],
  [TYPE, ...RISK_LEVELS],
  [`a.b, ${TYPE} ,c.d`, ...RISK_LEVELS],
  [TYPE.toUpperCase()],
  ['mcp.github'],
  ['highest'],
] as const) {
  test(`[D.disclosure-policy] ${JSON.stringify(text)} covers ${levels.join(', ') || 'nothing'}`, () => {
    const policy = parseDisclosurePolicy('parameter-disclosure', text);
    expect(RISK_LEVELS.filter((risk) => coversAction(policy, TYPE, risk))).toEqual(levels);
  });
}

for (const [text, says] of [
  ['a.b,', /parameter-disclosure: empty action type in "a\.b,"/],
  [',', /empty action type/],
  ['a.b,,c.d', /empty action type/],
  ['a.b,ALL', /"ALL" cannot stand in a list/],
  ['high,a.b', /"high" cannot stand in a list/],
  ['0,1', /"0" cannot stand/],
  ['true,true', /"true" cannot stand/],
] as const) {
  test(`[D.disclosure-policy] ${JSON.stringify(text)} is refused`, () => {
    const parse = () => parseDisclosurePolicy('parameter-disclosure', text);
    expect(parse).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(parse).toThrow(says);
  });
}
