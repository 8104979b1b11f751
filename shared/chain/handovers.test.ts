import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { draftBody, rotationOf, signerOf, SUITES } from '../../test/vectors/fixture.ts';
import { keyFingerprint } from '../crypto/public-key.ts';
import { canonicalize } from '../json/canonical.ts';
import { encodeProofValue } from '../receipt/proof.ts';
import { Handovers } from './handovers.ts';

const SIGNERS = ['01', '02', '03', '04', '05'].map((byte) => signerOf(byte.repeat(32)));
const signer = (index: number) => SIGNERS[index] as (typeof SIGNERS)[number];

/** A rotation receipt; `by` is who really signed it. */
function rotation(from: number, to: number, by = from): string {
  const draft = draftBody(1, null) as { credentialSubject: object };
  const keyRotation = rotationOf(signer(from), signer(to));
  const body = { ...draft, credentialSubject: { ...draft.credentialSubject, keyRotation } };
  const signed = new TextEncoder().encode(canonicalize(body));
  const proof = {
    type: 'Ed25519Signature2020',
    created: '2026-06-15T12:00:00Z',
    verificationMethod: 'did:x#k1',
    proofPurpose: 'assertionMethod',
    proofValue: encodeProofValue(signer(by).sign(signed)),
  };
  return JSON.stringify({ ...body, proof });
}

describe.each(SUITES)('Handovers with $suite.name', ({ suite }) => {
  const fingerprints = SIGNERS.map(({ publicKey }) => keyFingerprint(suite, publicKey));
  const fingerprint = (index: number) => fingerprints[index] as string;
  const read = (texts: readonly string[], known: readonly number[]) => {
    const keys = new Map(
      known.map((it) => [fingerprint(it), suite.verifyKey(signer(it).publicKey)]),
    );
    return new Handovers(
      suite,
      () => texts,
      (it) => keys.get(it),
    );
  };

  test('follows exactly what known keys prove, in whatever order it stands', () => {
    const key = fc.integer({ min: 0, max: SIGNERS.length - 1 });
    const edge = fc.record({ from: key, to: key, by: key });
    const edges = fc.array(
      fc.oneof(
        edge,
        edge.map((it) => ({ ...it, by: it.from })),
      ),
      {
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(edges, fc.uniqueArray(key), (list, known) => {
        const handovers = read(
          list.map(({ from, to, by }) => rotation(from, to, by)),
          known,
        );
        // The model: a key is known from the start or proven by a known one; only its word counts.
        const proven = new Set<number>(known);
        const honest = list.filter(({ from, by }) => from === by);
        for (let i = 0; i < SIGNERS.length; i += 1) {
          for (const { from, to } of honest) if (proven.has(from)) proven.add(to);
        }
        const steps = honest.filter(({ from }) => proven.has(from));
        const reaches = (a: number, b: number) => {
          const seen = new Set([a]);
          for (const at of seen) for (const { from, to } of steps) if (from === at) seen.add(to);
          return seen.has(b);
        };
        for (const a of SIGNERS.keys()) {
          for (const b of SIGNERS.keys()) {
            expect(handovers.leads(fingerprint(a), fingerprint(b))).toBe(reaches(a, b));
          }
          const before = handovers.predecessors(fingerprint(a)).map(({ raw }) => [...raw]);
          const want = [...SIGNERS.keys()].filter(
            (b) => b !== a && reaches(b, a) && steps.some(({ from }) => from === b),
          );
          expect(before.sort()).toEqual(want.map((b) => [...signer(b).publicKey]).sort());
        }
      }),
      { numRuns: suite.name === 'node:crypto' ? 100 : 5 },
    );
  });

  test('skips what cannot be read, and names the first receipt of several', () => {
    const texts = ['', '{}', 'null', rotation(0, 1), rotation(0, 1), rotation(0, 2)];
    const handovers = read(texts, [0]);
    expect([...handovers.all()]).toHaveLength(2);
    expect(handovers.from(fingerprint(0))?.toFingerprint).toBe(fingerprint(1));
    expect(handovers.from(fingerprint(1))).toBeUndefined();
  });
});
