/**
 * Writes canonical.json and chain.json beside this file: `node test/vectors/generate.mjs`.
 *
 * Vectors are added, never edited, so a second run must change nothing that is there. The script
 * shares no code with what the vectors test: its canonical form is a recursive one-liner, its
 * signatures come straight from node:crypto, and every expectation was written down by hand.
 */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const source =
  'written by test/vectors/generate.mjs for this repository; keys are the public test keys of RFC 8032 section 7.1 (TEST 1, TEST 2)';

const TEST_1 = keyOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
const TEST_2 = keyOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
const ISSUER = 'did:agent-receipts-daemon:local';
const CHAIN_ID = '2026-06-15';

function keyOf(seedHex) {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, 'hex');
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return { secret, raw: spki.subarray(-32) };
}

const sha256 = (data) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

// -- a chain of six receipts ---------------------------------------------------------------------

function body(sequence, previous, { issuer = {}, action = {}, outcome = {}, chain = {}, subject = {} } = {}) {
  const digits = String(sequence).padStart(12, '0');
  const time = `2026-06-15T12:00:0${sequence}Z`;
  return {
    '@context': ['https://www.w3.org/ns/credentials/v2', 'https://agentreceipts.ai/context/v2'],
    id: `urn:receipt:0b516a00-0000-4000-8000-${digits}`,
    type: ['VerifiableCredential', 'AgentReceipt'],
    version: '0.5.0',
    issuer: { id: ISSUER, type: 'AgentReceiptsDaemon', ...issuer },
    issuanceDate: time,
    credentialSubject: {
      principal: { id: 'did:user:alice' },
      action: {
        id: `act_0b516a00-0000-4000-8000-${digits}`,
        type: 'mcp.github.create_issue',
        tool_name: 'create_issue',
        risk_level: 'medium',
        peer_credential: { platform: 'linux', pid: 4242, uid: 1000, gid: 1000, exe_path: '/usr/bin/mcp-proxy' },
        timestamp: time,
        ...action,
      },
      outcome: { status: 'success', ...outcome },
      chain: { sequence, previous_receipt_hash: previous, chain_id: CHAIN_ID, ...chain },
      ...subject,
    },
  };
}

function proof(of, key) {
  return {
    type: 'Ed25519Signature2020',
    created: of.issuanceDate,
    verificationMethod: `${ISSUER}#k1`,
    proofPurpose: 'assertionMethod',
    proofValue: `u${sign(null, Buffer.from(canonical(of)), key.secret).toString('base64url')}`,
  };
}

const keyRotation = {
  event_type: 'key_rotated',
  new_public_key: `u${TEST_2.raw.toString('base64url')}`,
  old_key_fingerprint: sha256(TEST_1.raw),
  new_key_fingerprint: sha256(TEST_2.raw),
  old_algorithm: 'ed25519',
  new_algorithm: 'ed25519',
  signed_with: 'old',
};

const SESSION = { name: 'Agent <A&B>', session_id: '22222222-2222-4222-8222-222222222222' };
const PARTS = [
  { issuer: SESSION, action: { parameters_hash: sha256('{"n":1.5,"title":"<b>&"}') } },
  { issuer: SESSION, outcome: { status: 'failure', error: 'no such repository', response_hash: sha256('{"isError":true}') } },
  { action: { type: 'agent.key.rotate', risk_level: 'high' }, subject: { keyRotation } },
  { issuer: { ...SESSION, runtime: { agent_id: 'a1', usage: { input_tokens: 12, cached: null } } } },
  { issuer: SESSION, outcome: { status: 'pending', error: 'server exited (signal SIGKILL)' } },
  {
    action: { type: 'agent_receipts.chain_interrupted', tool_name: 'chain_interrupted', risk_level: 'low' },
    chain: { terminal: true, status: 'interrupted' },
  },
];
const keyAt = (index) => (index <= 2 ? TEST_1 : TEST_2);

const bodies = [];
for (const [i, parts] of PARTS.entries()) {
  bodies.push(body(i + 1, i === 0 ? null : hashOf(bodies[i - 1]), parts));
}
const receipts = bodies.map((it, i) => JSON.stringify({ ...it, proof: proof(it, keyAt(i)) }));

/** As a daemon hashes: absent and null are the same, but not in issuer.runtime. */
function hashOf(of) {
  return sha256(canonical(of));
}

// -- what can be done to it ----------------------------------------------------------------------

/** The chain with the text at `index` edited; `after` are the rows behind it. */
function edited(index, edit) {
  const receipt = JSON.parse(receipts[index]);
  edit(receipt);
  return rowsWith(index, JSON.stringify(receipt));
}
/** The chain with a receipt at `index` that its issuer signed differently. */
function resigned(index, parts, key = keyAt(index)) {
  const previous = index === 0 ? null : hashOf(bodies[index - 1]);
  const other = body(index + 1, previous, { ...PARTS[index], ...parts });
  return rowsWith(index, JSON.stringify({ ...other, proof: proof(other, key) }));
}
function rowsWith(index, text) {
  return receipts.map((_, i) => (i === index ? text : i));
}
function replaced(index, from, to) {
  const text = receipts[index].replace(from, to);
  if (text === receipts[index]) throw new Error(`nothing to replace: ${from}`);
  return rowsWith(index, text);
}
const seventh = body(7, hashOf(bodies[5]), PARTS[4]);
const appended = JSON.stringify({ ...seventh, proof: proof(seventh, TEST_2) });

const variants = [
  { name: 'untouched', rows: [0, 1, 2, 3, 4, 5], result: 'valid', brokenAt: -1 },
  { name: 'Go escapes', rows: replaced(0, '<A&B>', '\\u003cA\\u0026B\\u003e'), result: 'valid', brokenAt: -1 },
  { name: 'printed over several lines', rows: rowsWith(1, JSON.stringify(JSON.parse(receipts[1]), null, 2)), result: 'valid', brokenAt: -1 },
  { name: 'the end cut off, which no chain can show', rows: [0, 1, 2], result: 'valid', brokenAt: -1 },
  { name: 'a byte changed', rows: replaced(1, 'no such', 'no Such'), brokenAt: 1 },
  { name: 'the first deleted', rows: [1, 2, 3, 4, 5], brokenAt: 0 },
  { name: 'one in the middle deleted', rows: [0, 2, 3, 4, 5], brokenAt: 1 },
  { name: 'the rotation deleted', rows: [0, 1, 3, 4, 5], brokenAt: 2 },
  { name: 'two swapped', rows: [0, 1, 2, 4, 3, 5], brokenAt: 3 },
  { name: 'one doubled', rows: [0, 1, 1, 2, 3, 4, 5], brokenAt: 2 },
  { name: 'one appended behind the terminal receipt', rows: [0, 1, 2, 3, 4, 5, appended], brokenAt: 6, error: 'receipt after terminal: receipt at index 6 follows a terminal receipt at index 5' },
  { name: 'moved to another chain', rows: resigned(4, { chain: { chain_id: 'other' } }), brokenAt: 4, error: 'chain_id mismatch at index 4: expected "2026-06-15", got "other"' },
  { name: 'an unknown member at the top', rows: replaced(3, '"version"', '"note":1,"version"'), brokenAt: 3 },
  { name: 'an unknown member in the action', rows: edited(3, (it) => (it.credentialSubject.action.note = null)), brokenAt: 3 },
  { name: 'an unknown member in issuer.runtime', rows: edited(3, (it) => (it.issuer.runtime.note = 1)), brokenAt: 3 },
  { name: 'a null taken out of issuer.runtime', rows: edited(3, (it) => delete it.issuer.runtime.usage.cached), brokenAt: 3 },
  { name: 'a member twice', rows: replaced(1, '"status":"failure"', '"status":"success","status":"failure"'), brokenAt: 1, error: 'member "status" stands twice in one object at index 1' },
  { name: 'a member twice, once in escapes', rows: replaced(1, '"version"', '"v\\u0065rsion":"0.1.0","version"'), brokenAt: 1, error: 'member "version" stands twice in one object at index 1' },
  { name: 'a member added to the proof', rows: edited(1, (it) => (it.proof.nonce = 'x')), brokenAt: 1, error: 'unsigned member "nonce" in proof at index 1' },
  { name: 'proof.created changed', rows: edited(1, (it) => (it.proof.created = '2026-06-15T13:00:00Z')), brokenAt: 1, error: 'proof.created is 2026-06-15T13:00:00Z, the receipt was issued 2026-06-15T12:00:02Z at index 1' },
  { name: 'proof.verificationMethod changed', rows: edited(1, (it) => (it.proof.verificationMethod = `${ISSUER}#k2`)), brokenAt: 1, error: `proof.verificationMethod changes at index 1: expected "${ISSUER}#k1", got "${ISSUER}#k2"` },
  { name: 'proof.proofPurpose changed', rows: edited(1, (it) => (it.proof.proofPurpose = 'authentication')), brokenAt: 1, error: 'proof.proofPurpose is "authentication", expected "assertionMethod" at index 1' },
  { name: 'proof.type changed', rows: edited(1, (it) => (it.proof.type = 'Ed25519Signature2018')), brokenAt: 1, error: 'signature compute failed at index 1: unsupported proof type "Ed25519Signature2018"' },
  { name: 'the signature of another receipt', rows: edited(1, (it) => (it.proof = { ...it.proof, proofValue: JSON.parse(receipts[0]).proof.proofValue })), brokenAt: 1 },
  { name: 'a padded signature', rows: edited(1, (it) => (it.proof.proofValue += '==')), brokenAt: 1, error: 'signature compute failed at index 1: proof value is not 86 canonical base64url characters' },
  { name: 'stray bits behind the signature', rows: edited(1, (it) => (it.proof.proofValue = it.proof.proofValue.replace(/.$/, '_'))), brokenAt: 1, error: 'signature compute failed at index 1: proof value is not 86 canonical base64url characters' },
  { name: 'no proof', rows: edited(1, (it) => delete it.proof), brokenAt: 1, error: 'unreadable receipt at index 1: proof is missing' },
  { name: 'no JSON', rows: rowsWith(3, receipts[3].slice(0, -1)), brokenAt: 3 },
  { name: 'a chain that starts at 2', rows: rowsWith(0, JSON.stringify(withProof(body(2, null, PARTS[0]), TEST_1))), brokenAt: 0 },
  { name: 'a link to nothing', rows: resigned(1, { chain: { previous_receipt_hash: null } }), brokenAt: 1 },
  { name: 'a sequence left out by its issuer', rows: resigned(1, { chain: { sequence: 3 } }), brokenAt: 1 },
  { name: 'another issuer', rows: resigned(1, { issuer: { id: 'did:web:example.com' } }), brokenAt: 1, error: `issuer changes at index 1: expected "${ISSUER}", got "did:web:example.com"` },
  { name: 'a status without terminal', rows: resigned(4, { chain: { status: 'complete' } }), brokenAt: 4, error: 'chain.status without chain.terminal: true at index 4 (spec \u00a77.3.3)' },
  { name: 'a status of no meaning', rows: resigned(5, { chain: { terminal: true, status: 'unknown' } }), brokenAt: 5, error: 'invalid chain.status value at index 5: unknown is not a valid wire value (spec \u00a77.3.3)' },
  { name: 'a rotation that its new key signed', rows: resigned(2, {}, TEST_2), brokenAt: 2 },
  { name: 'a rotation that says so', rows: resigned(2, { subject: { keyRotation: { ...keyRotation, signed_with: 'new' } } }), brokenAt: 2, error: 'key rotation invalid at index 2: signed_with must be "old", got "new"' },
  { name: 'a rotation from another key', rows: resigned(2, { subject: { keyRotation: { ...keyRotation, old_key_fingerprint: sha256(TEST_2.raw) } } }), brokenAt: 2, error: `key rotation invalid at index 2: old_key_fingerprint mismatch: outgoing key is ${sha256(TEST_1.raw)}, field says ${sha256(TEST_2.raw)}` },
  { name: 'a rotation that names another new key', rows: resigned(2, { subject: { keyRotation: { ...keyRotation, new_key_fingerprint: sha256(TEST_1.raw) } } }), brokenAt: 2, error: `key rotation invalid at index 2: new_key_fingerprint mismatch: new_public_key hashes to ${sha256(TEST_2.raw)}, field says ${sha256(TEST_1.raw)}` },
  { name: 'the old key used after the rotation', rows: resigned(3, {}, TEST_1), brokenAt: 3 },
];

function withProof(of, key) {
  return { ...of, proof: proof(of, key) };
}

// -- canonical texts -----------------------------------------------------------------------------

const BAD = '\ufffd';
const accepted = [
  { name: 'minus zero', text: '[-0,-0.0,-0e5]', canonical: '[0,0,0]' },
  { name: 'spellings of numbers', text: '[1.50,1E2,1e21,1e-7,123456789012345678901234567890,0.1e1]', canonical: '[1.5,100,1e+21,1e-7,1.2345678901234568e+29,1]' },
  { name: 'beyond 2^53', text: '9007199254740993', canonical: '9007199254740992' },
  { name: 'too small for a double', text: '[1e-400,5e-324,4.9e-324]', canonical: '[0,5e-324,5e-324]' },
  { name: 'a lone high surrogate', text: '"\\ud800"', canonical: `"${BAD}"` },
  { name: 'a lone low surrogate before a letter', text: '"\\udc00a"', canonical: `"${BAD}a"` },
  { name: 'surrogates in the wrong order', text: '"\\udc00\\ud800"', canonical: `"${BAD}${BAD}"` },
  { name: 'a high surrogate before a pair', text: '"\\ud800\\ud83d\\ude00"', canonical: `"${BAD}\u{1f600}"` },
  { name: 'an escaped backslash before u', text: '"\\\\ud800"', canonical: '"\\\\ud800"' },
  { name: 'names that become one', text: '{"\\ud800":1,"\\udfff":2}', canonical: `{"${BAD}":2}` },
  { name: 'duplicate names', text: '{"a":{"b":1},"a":{"c":2}}', canonical: '{"a":{"c":2}}' },
  { name: '__proto__', text: '{"b":1,"__proto__":{"__proto__":null},"a":0}', canonical: '{"__proto__":{"__proto__":null},"a":0,"b":1}' },
  { name: 'names of every object', text: '{"toString":1,"constructor":2,"hasOwnProperty":3}', canonical: '{"constructor":2,"hasOwnProperty":3,"toString":1}' },
  { name: 'integer-like names', text: '{"10":1,"9":2,"-1":3,"01":4,"":5}', canonical: '{"":5,"-1":3,"01":4,"10":1,"9":2}' },
  { name: 'UTF-16 order', text: '{"\u{1f600}":1,"\ufb33":2,"\u20ac":3,"\\r":4,"1":5}', canonical: '{"\\r":4,"1":5,"\u20ac":3,"\u{1f600}":1,"\ufb33":2}' },
  { name: 'escapes that need none', text: '"\\u003c\\u003e\\u0026\\/\\u2028\\u2029\\u007f\\u00e9"', canonical: '"<>&/\u2028\u2029\u007f\u00e9"' },
  { name: 'controls', text: '"\\u0000\\u0008\\u0009\\u000A\\u000b\\u000C\\u000d\\u001F"', canonical: '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f"' },
  { name: 'white space', text: ' {\r\n\t"a" : [ 1 , { } ] } ', canonical: '{"a":[1,{}]}' },
  { name: 'a cut three-byte sequence', hex: '22e28222', canonical: `"${BAD}${BAD}"` },
  { name: 'a cut four-byte sequence', hex: '22f09f986122', canonical: `"${BAD}${BAD}${BAD}a"` },
  { name: 'a surrogate in UTF-8', hex: '22eda08022', canonical: `"${BAD}${BAD}${BAD}"` },
  { name: 'an overlong solidus', hex: '22c0af22', canonical: `"${BAD}${BAD}"` },
  { name: 'a stray byte in a name', hex: '7b22ff223a317d', canonical: `{"${BAD}":1}` },
].map((it) => ({ ...it, hash: sha256(it.canonical) }));

const refused = [
  { name: '1e400', text: '[1e400]', code: 'JSON_NUMBER_RANGE' },
  { name: 'minus 1e400', text: '{"a":-1e400}', code: 'JSON_NUMBER_RANGE' },
  { name: 'an empty text', text: '', code: 'JSON_INVALID' },
  { name: 'two values', text: '{}{}', code: 'JSON_INVALID' },
  { name: 'a leading zero', text: '01', code: 'JSON_INVALID' },
  { name: 'a comma too many', text: '[1,]', code: 'JSON_INVALID' },
  { name: 'a raw control', hex: '220a22', code: 'JSON_INVALID' },
  { name: 'a byte order mark', hex: 'efbbbf7b7d', code: 'JSON_INVALID' },
  { name: 'NaN', text: 'NaN', code: 'JSON_INVALID' },
];

function write(name, value) {
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(value, null, 1)}\n`);
}

write('canonical.json', { source, accepted, refused });
write('chain.json', {
  source,
  chainId: CHAIN_ID,
  publicKeyHex: TEST_1.raw.toString('hex'),
  receipts,
  hashes: bodies.map(hashOf),
  variants: variants.map(({ result = 'broken', ...it }) => ({ ...it, result })),
});
