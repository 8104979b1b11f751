import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { parsePrivateKeyPem } from '../shared/crypto/private-key.ts';
import { hashUri } from '../shared/crypto/suite.ts';
import { canonicalize } from '../shared/json/canonical.ts';
import type { JsonValue } from '../shared/json/value.ts';
import type { EventFrame } from '../shared/wire/event.ts';
import { parseFrame } from '../shared/wire/parse-frame.ts';
import { eventMembers } from '../test/fixtures/daemon-client.ts';
import {
  droppedEventsReceipt,
  eventReceipt,
  terminatorReceipt,
  type ReceiptContext,
} from './event-receipt.ts';
import { seal } from './sealer.ts';

const WORKED = JSON.parse(
  readFileSync(new URL('../test/vectors/worked-example.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, string>>;

/** Key of the published 0.5.0 vectors. Public: everybody can sign with it. */
const PUBLIC_TEST_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJqomA2cjqhLUYPhkMJyg4+A7hU8GiZtVzkN0Yz6jJPF
-----END PRIVATE KEY-----
`;

const CONTEXT: ReceiptContext = {
  receiptId: 'urn:receipt:11111111-1111-4111-8111-111111111111',
  actionId: 'act_33333333-3333-4333-8333-333333333333',
  timestamp: '2026-06-15T12:00:00Z',
  issuerId: 'did:agent-receipts-daemon:local',
  principalId: 'did:user:alice',
  peer: {
    platform: 'linux',
    pid: 4242,
    uid: 1000,
    gid: 1000,
    exe_path: '/usr/local/bin/obsigna-mcp',
  },
  chain: { sequence: 1, previous_receipt_hash: null, chain_id: '2026-06-15' },
};

function eventOf(text: string): EventFrame {
  const frame = parseFrame(Buffer.from(text));
  if (frame.kind !== 'event') throw new Error('not an event');
  return frame;
}

/** The receipt of a plain frame with `members`; payloads may be given as raw JSON text. */
function receiptOf(members: Readonly<Record<string, unknown>>, raw: Record<string, string> = {}) {
  const extra = Object.entries(raw).map(([name, text]) => `,"${name}":${text}`);
  const text = JSON.stringify(eventMembers(members));
  return eventReceipt(eventOf(`${text.slice(0, -1)}${extra.join('')}}`), CONTEXT);
}

test('[P5.worked-example] the published frame becomes the published receipt, byte for byte', () => {
  const body = eventReceipt(eventOf(WORKED['frame'] as string), CONTEXT);
  const canonical = Buffer.from(canonicalize(body as unknown as JsonValue));
  expect(canonical).toHaveLength(1148);
  const signer = parsePrivateKeyPem(PUBLIC_TEST_KEY);
  const row = seal(body, signer, 'did:agent-receipts-daemon:local#k1');
  expect(row.text).toBe(WORKED['receipt']);
  expect(row.text).toContain(
    '"proofValue":"uLy2zLABZuuEQxKA8LjFUsoIl7C55icb62Cg_fGTobPqBwQrCj4t3bP-zDN7FbNsvSUvnRiQrgsVmVIn6L7mwAw"}}',
  );
  expect(row.columns).toEqual({
    id: CONTEXT.receiptId,
    chain_id: '2026-06-15',
    sequence: 1,
    action_type: 'mcp.github.create_issue',
    tool_name: 'create_issue',
    risk_level: 'medium',
    status: 'success',
    timestamp: '2026-06-15T12:00:00Z',
    issuer_id: 'did:agent-receipts-daemon:local',
    principal_id: 'did:user:alice',
    receipt_hash: 'sha256:8fa5ac883a934d02fc83b048c8e2ba2988c74ef570c5572859ba86b1219f00d7',
    previous_receipt_hash: null,
  });
});

for (const { decision, error, channel = 'mcp', output, want } of [
  { decision: 'allowed', want: 'success' },
  { decision: 'allowed', error: '', want: 'success' },
  { decision: 'allowed', error: 'boom', want: 'failure' },
  { decision: 'allowed', output: '{"isError":true}', want: 'failure' },
  { decision: 'allowed', output: '{"isError":false}', want: 'success' },
  { decision: 'allowed', output: '{"isError":"true"}', want: 'success' },
  { decision: 'allowed', output: '{"isError":1}', want: 'success' },
  { decision: 'allowed', output: '{"nested":{"isError":true}}', want: 'success' },
  { decision: 'allowed', output: '[{"isError":true}]', want: 'success' },
  { decision: 'allowed', output: '{"isError":true}', channel: 'sdk', want: 'success' },
  { decision: 'allowed', output: '{"isError":true,"isError":false}', want: 'success' },
  { decision: 'denied', want: 'failure' },
  { decision: 'denied', error: 'no', output: '{"isError":false}', want: 'failure' },
  { decision: 'pending', want: 'pending' },
  { decision: 'pending', error: 'unknown', output: '{"isError":true}', want: 'pending' },
]) {
  const shown = JSON.stringify({ decision, error, channel, output });
  test(`outcome.status of ${shown} is ${want}`, () => {
    const raw = output === undefined ? {} : { output };
    const { outcome } = receiptOf({ decision, error, channel }, raw).credentialSubject;
    expect(outcome.status).toBe(want);
  });
}

for (const { members, type, risk = 'medium' } of [
  { members: {}, type: 'mcp.github.create_issue' },
  { members: { tool: { name: 'Bash' }, channel: 'claude-code' }, type: 'claude-code.Bash' },
  { members: { tool: { name: 'Bash', server: '' }, channel: 'sdk' }, type: 'sdk.Bash' },
  {
    members: { action_type: 'filesystem.file.delete' },
    type: 'filesystem.file.delete',
    risk: 'high',
  },
  { members: { action_type: 'filesystem.file.read' }, type: 'filesystem.file.read', risk: 'low' },
  { members: { action_type: 'system.pty.open' }, type: 'system.pty.open', risk: 'critical' },
  { members: { action_type: '' }, type: 'mcp.github.create_issue' },
]) {
  test(`action.type of ${JSON.stringify(members)} is ${type}`, () => {
    const { action } = receiptOf(members).credentialSubject;
    expect([action.type, action.risk_level]).toEqual([type, risk]);
  });
}

test('action.target is there when both of its members are', () => {
  const both = { target_system: 'github', target_resource: 'o/r' };
  expect(receiptOf(both).credentialSubject.action.target).toEqual({
    system: 'github',
    resource: 'o/r',
  });
  expect(receiptOf({}).credentialSubject.action).not.toHaveProperty('target');
});

for (const { name, members, raw = {}, want } of [
  { name: 'nothing of it', members: {}, want: undefined },
  { name: 'agent_type alone', members: { agent_type: 'explorer' }, want: undefined },
  {
    name: 'agent_type beside another',
    members: { agent_type: 'explorer', agent_id: 'a' },
    want: '{"agent_id":"a","agent_type":"explorer"}',
  },
  {
    name: 'all members, sorted',
    members: { model: 'm', capture_method: 'transcript', agent_type: 't', agent_id: 'a' },
    raw: { usage: '{"z":1,"a":[1.0,null]}' },
    want: '{"agent_id":"a","agent_type":"t","capture_method":"transcript","model":"m","usage":{"z":1,"a":[1,null]}}',
  },
  { name: 'usage that is false', members: {}, raw: { usage: 'false' }, want: '{"usage":false}' },
  { name: 'usage that is null', members: {}, raw: { usage: 'null' }, want: undefined },
  { name: 'empty strings', members: { model: '', agent_id: '' }, want: undefined },
  {
    name: 'our own members',
    members: { decision_context: { rule: 'r', risk: 70 }, redelivered: true },
    want: '{"obsigna":{"decision":{"rule":"r","risk":70},"redelivered":true}}',
  },
  { name: 'redelivered false', members: { redelivered: false }, want: undefined },
]) {
  test(`issuer.runtime with ${name}`, () => {
    expect(JSON.stringify(receiptOf(members, raw).issuer.runtime)).toBe(want);
  });
}

test('issuer.operator has a name, empty when only the id was given', () => {
  expect(receiptOf({ operator_id: 'did:web:x' }).issuer.operator).toEqual({
    id: 'did:web:x',
    name: '',
  });
  expect(receiptOf({}).issuer).not.toHaveProperty('operator');
});

const hashOf = (canonical: string) => hashUri(nodeSuite, canonical);
for (const { text, canonical } of [
  { text: '{}', canonical: '{}' },
  { text: '""', canonical: '""' },
  { text: 'false', canonical: 'false' },
  { text: '0', canonical: '0' },
  { text: '[]', canonical: '[]' },
  { text: '{"b":1.50,"a":"<"}', canonical: '{"a":"<","b":1.5}' },
  { text: '{"__proto__":1,"a":2}', canonical: '{"__proto__":1,"a":2}' },
  { text: '"\\ud800"', canonical: '"\ufffd"' },
  { text: 'null', canonical: undefined },
]) {
  test(`hashes of the payload ${text}`, () => {
    const { action, outcome } = receiptOf({}, { input: text, output: text }).credentialSubject;
    const want = canonical === undefined ? undefined : hashOf(canonical);
    expect([action.parameters_hash, outcome.response_hash]).toEqual([want, want]);
  });
}

test('a payload that is out of range has no receipt', () => {
  const build = () => receiptOf({}, { input: '1e400' });
  expect(build).toThrow(expect.objectContaining({ code: 'JSON_NUMBER_RANGE' }));
});

test('a digest stands for the payload, and the receipt says who hashed it', () => {
  const hash = (digit: string) => `sha256:${digit.repeat(64)}`;
  const receipt = receiptOf({
    input_digest: { hash: hash('a'), bytes: 5_000_000 },
    output_digest: { hash: hash('b'), bytes: 7, is_error: true },
  });
  const { action, outcome } = receipt.credentialSubject;
  expect([action.parameters_hash, outcome.response_hash]).toEqual([hash('a'), hash('b')]);
  expect(outcome.status).toBe('failure');
  expect(receipt.issuer.runtime).toEqual({
    obsigna: {
      input: { bytes: 5_000_000, hashed_by: 'emitter' },
      output: { bytes: 7, hashed_by: 'emitter' },
    },
  });
});

test('the error of a receipt is redacted; the hashes are of what was sent', () => {
  const input = '{"password":"hunter2"}';
  const { action, outcome } = receiptOf(
    { error: 'ghp_0123456789abcdef0123456789abcdef0123 failed' },
    { input },
  ).credentialSubject;
  expect(outcome.error).toBe('[REDACTED] failed');
  expect(action.parameters_hash).toBe(hashOf(input));
});

test('the receipts of the daemon itself have the members of the protocol and no others', () => {
  expect(droppedEventsReceipt(3, 's', CONTEXT)).toMatchObject({
    issuer: { id: CONTEXT.issuerId, type: 'AgentReceiptsDaemon', session_id: 's' },
  });
  expect(Object.keys(droppedEventsReceipt(3, 's', CONTEXT).credentialSubject.action)).toEqual([
    'id',
    'type',
    'tool_name',
    'risk_level',
    'peer_credential',
    'emitter_metadata',
    'timestamp',
  ]);
  const { peer: _, ...alone } = CONTEXT;
  const { credentialSubject } = terminatorReceipt(alone, 'interrupted');
  expect(credentialSubject.chain).toEqual({
    ...CONTEXT.chain,
    terminal: true,
    status: 'interrupted',
  });
  expect(Object.keys(credentialSubject)).toEqual(['principal', 'action', 'outcome', 'chain']);
});
