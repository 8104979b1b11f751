/** What the rules of a long policy ask: fields, patterns, amounts, rates. None of it holds for a bench's calls. */
const CONDITIONS = [
  'when: {field: path, matches: "^/etc/[a-z]+"}',
  'when: {field: path, not_contains: "/"}',
  'when: {amount: amount, currency: currency, above: {EUR: 5000, USD: 5500}}',
  'when: {any: [{field: path, contains: "/.ssh/"}, {field: "items[*].id", gt: 100}]}',
  'rate: {max: 1000000, per: 1m}',
];

/** A rules file of `count` rules, all about the tools of the echo server, none of which ever holds. */
export function rulesText(count: number): string {
  const rules = Array.from({ length: count }, (_, number) => {
    const condition = CONDITIONS[number % CONDITIONS.length];
    return `  - {name: r${number}, tool_pattern: "read_*", ${condition}, action: pause}`;
  });
  return count === 0 ? 'rules: []\n' : `rules:\n${rules.join('\n')}\n`;
}
