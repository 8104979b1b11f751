import { describe, expect, test } from 'vitest';
import {
  rotationOf,
  SUITES,
  TEST_1,
  TEST_2,
  TEST_3,
  type Draft,
} from '../../test/vectors/fixture.ts';
import type { KeyRotation } from '../receipt/receipt.ts';
import { checkRotation } from './rotation.ts';

const GOOD = rotationOf(TEST_1, TEST_2);

describe.each(SUITES)('checkRotation() with $suite.name', ({ suite }) => {
  const check = (rotation: Draft, active = TEST_1) =>
    checkRotation(suite, suite.verifyKey(active.publicKey), rotation as unknown as KeyRotation);

  test('hands over to the key that is named', () => {
    const verdict = check(GOOD);
    expect(verdict.ok && verdict.key.raw).toEqual(TEST_2.publicKey);
  });

  test('hands over from nobody but the active key', () => {
    expect(check(GOOD, TEST_3)).toMatchObject({
      ok: false,
      cause: expect.stringMatching(/^old_key_fingerprint mismatch/),
    });
  });

  test.each(Object.keys(GOOD))(
    'refuses a missing, empty or changed %s and never throws',
    (name) => {
      const { [name]: value, ...without } = GOOD;
      const text = value as string;
      expect(check(without).ok).toBe(false);
      for (const other of ['', ` ${text}`, `${text}\n`, text.toUpperCase()]) {
        expect(check({ ...GOOD, [name]: other }).ok).toBe(false);
      }
    },
  );

  test('judges in the order of the reference', () => {
    const causes: string[] = [];
    const broken: Draft = Object.fromEntries(Object.keys(GOOD).map((name) => [name, 'x']));
    for (const name of [
      'event_type',
      'signed_with',
      'old_algorithm',
      'new_algorithm',
      'old_key_fingerprint',
      'new_public_key',
      'new_key_fingerprint',
    ]) {
      const verdict = check(broken);
      if (!verdict.ok) causes.push(verdict.cause.replace(/( must be|:).*| "x"$| mismatch.*/, ''));
      broken[name] = GOOD[name] ?? '';
    }
    expect(causes).toEqual([
      'event_type',
      'signed_with',
      'unsupported old_algorithm',
      'unsupported new_algorithm',
      'old_key_fingerprint',
      'decode new_public_key',
      'new_key_fingerprint',
    ]);
    expect(check(broken).ok).toBe(true);
  });
});
