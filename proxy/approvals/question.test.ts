import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf, type Subject } from './question.ts';

const SUBJECT: Subject = {
  server: 'srv',
  toolName: 'edit_file',
  argumentsHash: 'sha256:aa',
  rule: 'ask',
  policyDigest: 'sha256:bb',
  sessionId: 's1',
};

test('digestOf() is SHA-256 over the canonical form of what an answer is bound to [X.approval-bound]', () => {
  const canonical =
    '{"arguments":"sha256:aa","nonce":"n1","policy_digest":"sha256:bb","rule":"ask",' +
    '"server":"srv","session":"s1","tool":"edit_file"}';
  const want = createHash('sha256').update(canonical).digest('hex');
  expect(digestOf(SUBJECT, 'n1')).toBe(`sha256:${want}`);
});

for (const [name, subject, nonce] of [
  ['another server', { ...SUBJECT, server: 'srv2' }, 'n1'],
  ['another tool', { ...SUBJECT, toolName: 'mcp__srv__edit_file' }, 'n1'],
  ['other arguments', { ...SUBJECT, argumentsHash: 'sha256:ab' }, 'n1'],
  ['no arguments', { ...SUBJECT, argumentsHash: undefined }, 'n1'],
  ['another rule', { ...SUBJECT, rule: 'ask-more' }, 'n1'],
  ['another rules file', { ...SUBJECT, policyDigest: 'sha256:bc' }, 'n1'],
  ['another session', { ...SUBJECT, sessionId: 's2' }, 'n1'],
  ['another question', SUBJECT, 'n2'],
  ['values that change places', { ...SUBJECT, server: 'ask', rule: 'srv' }, 'n1'],
] as const) {
  test(`digestOf() is another for ${name} [X.approval-bound]`, () => {
    expect(digestOf(subject, nonce)).not.toBe(digestOf(SUBJECT, 'n1'));
  });
}
