import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { questionText } from './question-text.ts';
import type { Question } from './question.ts';

function question(parts: Partial<Question> & { toolName?: string } = {}): Question {
  const { toolName = 'edit_file', ...rest } = parts;
  return {
    id: 'a'.repeat(32),
    digest: `sha256:${'d'.repeat(64)}`,
    subject: {
      server: 'srv',
      toolName,
      argumentsHash: `sha256:${'e'.repeat(64)}`,
      rule: 'ask',
      policyDigest: 'sha256:p',
      sessionId: 's',
    },
    tool: toolName,
    ruleDescription: 'Somebody looks at edits',
    risk: {
      score: 20,
      operation: 'write',
      operations: ['write'],
      reasons: [{ reason: 'writes', points: 20 }],
    },
    arguments: '{"path":"/x"}',
    askedAtMs: 0,
    expiresAtMs: 60_000,
    ...rest,
  };
}

test('questionText() says what an answer is for', () => {
  expect(questionText(question()).split('\n')).toEqual([
    'obsigna: may this tool call run? What stands in quotation marks, and the arguments, come from the agent.',
    'Tool: "edit_file"',
    'Server: "srv"',
    'Rule: "ask": Somebody looks at edits',
    'Risk: 20 of 100 (writes +20)',
    'Answer within: 60 s',
    `Question: sha256:${'d'.repeat(64)}`,
    'Arguments: {"path":"/x"}',
  ]);
});

test('questionText() lets nothing that the agent sent begin a line or hide [X.question-text]', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (toolName, text) => {
      const shown = questionText(question({ toolName, arguments: JSON.stringify({ text }) }));
      const lines = shown.split('\n');
      expect(lines.length).toBe(8);
      expect(lines[1]).toMatch(/^Tool: "(?:[^"\\]|\\.)*"$/);
      expect(shown).not.toMatch(/[\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff\u3164]/);
      expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }),
  );
});

for (const { name, toolName, want } of [
  { name: 'a forged line', toolName: 'x"\nRisk: 0 of 100', want: '"x\\"\\u{a}Risk: 0 of 100"' },
  { name: 'text out of sight', toolName: `x${' '.repeat(500)}y`, want: `"x[119 spaces]..."` },
  { name: 'text that runs backwards', toolName: 'x\u202ey', want: '"x\\u{202e}y"' },
  {
    name: 'letters that nobody sees',
    toolName: 'x\u3164y\u{e0041}',
    want: '"x\\u{3164}y\\u{e0041}"',
  },
]) {
  test(`questionText() shows ${name} [X.question-text]`, () => {
    expect(questionText(question({ toolName })).split('\n')[1]).toBe(`Tool: ${want}`);
  });
}

test('questionText() cuts long arguments and says of what', () => {
  const text = JSON.stringify({ a: 'x'.repeat(5000) });
  expect(questionText(question({ arguments: text }))).toMatch(
    /x{1900,}\.\.\. \[cut; 5008 characters in all, sha256:e{64}\]$/,
  );
});
