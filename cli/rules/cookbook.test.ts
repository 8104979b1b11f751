import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkRules, parseRules } from '../../policy/load-rules.ts';
import { parseCases } from './cases.ts';
import { runCases } from './test.ts';

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
const cookbook = page.split('## Cookbook\n')[1] ?? '';
const recipes = cookbook.split(/^### /m).slice(1);

test('the cookbook has fifteen policies [R.cookbook]', () => {
  expect(recipes).toHaveLength(15);
});

for (const recipe of recipes) {
  const [name = ''] = recipe.split('\n');
  test(`the policy "${name}" decides its cases as it says [R.cookbook]`, () => {
    const [rules = '', cases = ''] = [...recipe.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => match[1] ?? '',
    );
    expect(checkRules(rules, name).warnings).toEqual([]);
    const results = runCases(parseRules(rules, name), parseCases(cases, name));
    expect(
      results.flatMap(({ case: it, differences }) =>
        differences.map((text) => `${it.tool} ${it.line}: ${text}`),
      ),
    ).toEqual([]);
    expect(results.length).toBeGreaterThan(1);
  });
}
