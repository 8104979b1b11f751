import { decide } from '../../policy/decide.ts';
import { PolicyHistory } from '../../policy/history.ts';
import { parseRules } from '../../policy/load-rules.ts';
import type { JsonValue } from '../../shared/json/value.ts';
import { atMost } from '../row.ts';
import type { Bench } from './bench.ts';
import { compare } from './micro.ts';

const RULES = 200;
/** What a proxy does with the arguments of a call in any case: decoding them. 1 KB of them. */
const ARGUMENTS = JSON.stringify({
  path: '/srv/project/notes.txt',
  amount: '1250.50',
  currency: 'EUR',
  items: Array.from({ length: 12 }, (_, id) => ({
    id,
    name: `item ${id}`,
    url: 'https://a.test/x',
  })),
});

/** A long policy, as it is written: every rule is about some tool, and asks something of arguments. */
export const policy: Bench = {
  name: 'policy',
  title: `decide() with ${RULES} rules`,
  run: async (lab) => {
    const row = (name: string, tool: string, budget: number) =>
      compare(lab, name, 'JSON.parse of 1 KB of arguments', {
        repeat: 500,
        budget: atMost(budget),
        floor: () => JSON.parse(ARGUMENTS) as unknown,
        measured: decider(tool),
      });
    return [
      row(`decide(), ${RULES} rules, none about the tool`, 'get_weather', 10),
      row(`decide(), ${RULES} rules with conditions, all about it`, 'pay_invoice', 100),
    ];
  },
};

function decider(tool: string): () => unknown {
  const conditions = [
    'when: {field: path, matches: "^/etc/[a-z]+"}',
    'when: {field: "items[*].url", not_contains: "a.test"}',
    'when: {amount: amount, currency: currency, above: {EUR: 5000, USD: 5500}}',
    'when: {any: [{field: path, contains: "/.ssh/"}, {field: "items[*].id", gt: 100}]}',
    'rate: {max: 1000000, per: 1m}',
  ];
  const lines = Array.from(
    { length: RULES },
    (_, number) =>
      `  - {name: r${number}, tool_pattern: "pay_*", ${conditions[number % conditions.length]}, action: pause}`,
  );
  const rules = parseRules(`rules:\n${lines.join('\n')}\n`, 'bench');
  const history = new PolicyHistory();
  return () =>
    decide(rules, {
      server: 'bank',
      tool,
      nowMs: Date.now(),
      history,
      arguments: () => JSON.parse(ARGUMENTS) as JsonValue,
    });
}
