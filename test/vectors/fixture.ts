import { Buffer } from 'node:buffer';
import { parsePrivateKeyPem, type FileSigner } from '../../shared/crypto/private-key.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { nobleSuite } from '../../shared/crypto/noble-suite.ts';
import { hashUri, type Signer } from '../../shared/crypto/suite.ts';
import { encodeUtf8 } from '../../shared/json/text.ts';
import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { hashedText, signedText } from '../../shared/receipt/hash.ts';
import { encodeProofValue } from '../../shared/receipt/proof.ts';

/** Both implementations; whatever is about evidence runs through each of them. */
export const SUITES = [
  { suite: nodeSuite, cites: '[P5.vectors-node]' },
  { suite: nobleSuite, cites: '[P5.vectors-noble]' },
] as const;

// Public test keys, RFC 8032 section 7.1. Everybody has them: never sign anything real with one.
export const TEST_1 = signerOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
export const TEST_2 = signerOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
export const TEST_3 = signerOf('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7');

export const CHAIN_ID = 'fixture-chain';
export const ISSUER_ID = 'did:agent-receipts-daemon:local';

export function signerOf(seedHex: string): FileSigner {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, 'hex');
  const body = der.toString('base64');
  return parsePrivateKeyPem(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`);
}

/** A JSON value that a test may edit before it becomes a text. */
export type Draft = { [name: string]: JsonValue | Draft };

/** The body of one receipt as a daemon writes it; `previousHash` null is the first of a chain. */
export function draftBody(sequence: number, previousHash: string | null): Draft {
  const digits = String(sequence).padStart(12, '0');
  return {
    '@context': [
      'https://www.w3.org/ns/credentials/v2',
      'https://agentreceipts.ai/context/v2',
    ],
    id: `urn:receipt:11111111-1111-4111-8111-${digits}`,
    type: ['VerifiableCredential', 'AgentReceipt'],
    version: '0.5.0',
    issuer: { id: ISSUER_ID, type: 'AgentReceiptsDaemon', session_id: 'session' },
    issuanceDate: '2026-06-15T12:00:00Z',
    credentialSubject: {
      principal: { id: 'did:user:alice' },
      action: {
        id: `act_33333333-3333-4333-8333-${digits}`,
        type: 'mcp.github.create_issue',
        tool_name: 'create_issue',
        risk_level: 'medium',
        peer_credential: { platform: 'linux', pid: 4242, uid: 1000, gid: 1000 },
        timestamp: '2026-06-15T12:00:00Z',
      },
      outcome: { status: 'success' },
      chain: { sequence, previous_receipt_hash: previousHash, chain_id: CHAIN_ID },
    },
  };
}

/** The object behind a path such as `credentialSubject.chain`; '' is the draft itself. */
export function at(draft: Draft, path: string): Draft {
  return path === '' ? draft : path.split('.').reduce((it, name) => it[name] as Draft, draft);
}

export function proofOf(body: Draft, signer: Signer): Draft {
  const signature = signer.sign(encodeUtf8(signedText(body as JsonObject)));
  return {
    type: 'Ed25519Signature2020',
    created: '2026-06-15T12:00:00Z',
    verificationMethod: `${ISSUER_ID}#k1`,
    proofPurpose: 'assertionMethod',
    proofValue: encodeProofValue(signature),
  };
}

export function hashOf(body: Draft): string {
  return hashUri(nodeSuite, hashedText(body as JsonObject));
}

export interface Link {
  /** Edits the body before it is signed. */
  readonly edit?: (body: Draft) => void;
  /** Edits the whole receipt after it was signed. */
  readonly tamper?: (receipt: Draft) => void;
  readonly signer?: Signer;
}

/** The texts of a chain in which every link follows from the one before, edits included. */
export function chainTexts(links: readonly Link[]): string[] {
  let previousHash: string | null = null;
  return links.map(({ edit, tamper, signer = TEST_1 }, index) => {
    const body = draftBody(index + 1, previousHash);
    edit?.(body);
    previousHash = hashOf(body);
    const receipt: Draft = { ...body, proof: proofOf(body, signer) };
    tamper?.(receipt);
    return JSON.stringify(receipt);
  });
}

/** The `keyRotation` of a hand-over between two keys. */
export function rotationOf(from: Signer, to: Signer): Draft {
  return {
    event_type: 'key_rotated',
    new_public_key: `u${Buffer.from(to.publicKey).toString('base64url')}`,
    old_key_fingerprint: hashUri(nodeSuite, from.publicKey),
    new_key_fingerprint: hashUri(nodeSuite, to.publicKey),
    old_algorithm: 'ed25519',
    new_algorithm: 'ed25519',
    signed_with: 'old',
  };
}
