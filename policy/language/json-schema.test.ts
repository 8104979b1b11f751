import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkRules } from '../load-rules.ts';
import { rulesSchema } from './json-schema.ts';
import { referenceTables } from './reference.ts';

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(rulesSchema());

const EXAMPLES = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
const WRONG = [
  'rule: []',
  'rules: [{name: a}]',
  'rules: [{name: a, action: deny}]',
  'rules: [{name: a, action: block, tool_patern: x}]',
  'rules: [{name: a, action: block, min_risk_score: 101}]',
  'rules: [{name: a, action: block, when: {field: x}}]',
  'rules: [{name: a, action: block, when: {field: x, eq: 1, amount: y}}]',
  'rules: [{name: a, action: block, when: {any: []}}]',
  'rules: [{name: a, action: block, rate: {max: 1}}]',
  'rules: [{name: a, action: block, rate: {max: 1, per: never}}]',
  'rules: [{name: a, action: block, during: {from: "8"}}]',
  'rules: [{name: a, action: block, annotations: {}}]',
  'rules: [{name: a, action: block, budget: {field: a, max: {eur: 1}, per: 1h}}]',
  'allow: []',
  'rules: []\nrisk: high',
];

describe('rulesSchema() and the loader agree [R.schema]', () => {
  test.each(EXAMPLES.filter((text) => checkRules(text, 'x').problems.length === 0))(
    'on %s',
    (text) => {
      validate(parse(text));
      expect(validate.errors).toBeNull();
    },
  );
  test.each(WRONG)('against %s', (text) => {
    expect(checkRules(text, 'x').problems).not.toEqual([]);
    expect(validate(parse(text))).toBe(false);
  });
});

test.each(Object.entries(referenceTables()))(
  'docs/rules.md has the table of "%s" as the loader does [R.schema]',
  (heading, table) => {
    const section = page.split(/^#{2,3} /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
    expect(section).toContain(table);
  },
);
