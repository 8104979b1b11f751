import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { explainMembers } from './members.ts';

const OBSIGNA = {
  decision: {
    action: 'pause',
    rule: 'r',
    matched: ['r', 's'],
    reasons: ['tool matches'],
    risk: { score: 10, reasons: [] },
    findings: [{ code: 'tool_drift' }],
    policy_digest: 'sha256:0',
    approval: { by: 'did:user:a', peer: { uid: 1 } },
  },
  call: { id: '4', began: '2026-06-15T12:00:00Z' },
  payload: { size: 7 },
};

/** Every member that the protocol and our daemon know, each with a value of its own. */
const WHOLE: JsonObject = {
  '@context': ['a', 'b'],
  id: 'urn:receipt:1',
  type: ['VerifiableCredential'],
  version: '0.5.0',
  issuer: {
    id: 'did:d',
    type: 't',
    name: 'n',
    operator: { id: 'o', name: 'p' },
    model: 'm',
    session_id: 's',
    runtime: { obsigna: OBSIGNA, other: { x: 1 } },
  },
  issuanceDate: '2026-06-15T12:00:00Z',
  credentialSubject: {
    principal: { id: 'did:user:a', type: 'user' },
    action: {
      id: 'act_1',
      type: 'mcp.a.b',
      tool_name: 'b',
      risk_level: 'low',
      target: { system: 'x' },
      parameters_hash: 'sha256:1',
      parameters_disclosure: { ciphertext: 'x' },
      peer_credential: { platform: 'linux', pid: 1 },
      emitter_metadata: { drop_count: 1 },
      timestamp: '2026-06-15T12:00:00Z',
      trusted_timestamp: 'x',
      idempotency_key: 'k',
    },
    intent: { goal: 'g' },
    outcome: {
      status: 'success',
      error: 'e',
      reversible: true,
      response_hash: 'sha256:2',
      response_disclosure: { ciphertext: 'y' },
    },
    authorization: { scopes: [] },
    chain: { sequence: 1, previous_receipt_hash: null, chain_id: 'c', terminal: true },
    keyRotation: { event_type: 'x' },
    correlation_id: 'c',
    delegation: { parent_chain_id: 'p' },
  },
  proof: { type: 'Ed25519Signature2020', proofValue: 'u', verificationMethod: 'did:d#k1' },
};

/** Values that are no objects, wherever they stand. */
function values(value: JsonValue): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [JSON.stringify(value)];
  }
  return Object.values(value as JsonObject).flatMap(values);
}

test('every member of a receipt is explained, once', () => {
  const chapters = explainMembers(WHOLE);
  expect(chapters.map(({ title }) => title)).not.toContain('What else it has');
  const shown = chapters.flatMap(({ members }) => members.flatMap(({ value }) => values(value)));
  expect(shown.toSorted()).toEqual(values(WHOLE).toSorted());
});

test('what nobody knows is shown as that', () => {
  const [last] = explainMembers({ ...WHOLE, surprise: { deep: 1 } }).slice(-1);
  expect(last).toEqual({
    title: 'What else it has',
    members: [{ path: 'surprise.deep', value: 1, means: 'not a member that this version knows' }],
  });
});
