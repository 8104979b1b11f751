import { canonicalize } from '../json/canonical.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';

/**
 * The text whose UTF-8 bytes a signature covers: the canonical form of the receipt without
 * its proof, exactly as it was stored. A member that somebody added is part of it, so it breaks the
 * signature.
 *
 * @see Receipt specification, "Signing"; RFC 8785
 */
export function signedText(receipt: JsonObject): string {
  return canonicalize(withoutProof(receipt));
}

/**
 * The text whose SHA-256 is the receipt hash: as `signedText`, after null members of objects are
 * dropped (except `chain.previous_receipt_hash`, which is nullable, and inside `issuer.runtime`).
 *
 * @param signed - `signedText(receipt)`, when the caller has it: without a null the two are equal.
 * @see Receipt specification, "Receipt hash"
 */
export function hashedText(receipt: JsonObject, signed = signedText(receipt)): string {
  // Every null member stands behind a colon; the first receipt of a chain has one that stays.
  if (!signed.includes(':null')) return signed;
  return canonicalize(withoutNulls(withoutProof(receipt)));
}

const NULLABLE = 'previous_receipt_hash';

function withoutProof(receipt: JsonObject): JsonObject {
  const { proof: _, ...body } = receipt;
  return body;
}

/** `issuer.runtime` belongs to emitters: peers carry it verbatim, nulls and all. */
const VERBATIM = 'runtime';
/** Deeper than any object of the schema; beyond it nothing is ours to normalise. */
const SCHEMA_DEPTH = 16;

/** A copy without the members that are null, which peers read as absent. */
export function withoutNulls(value: JsonObject, depth = 0): JsonObject {
  const kept: [string, JsonValue][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === null && name !== NULLABLE) continue;
    const inner = isJsonObject(member) && name !== VERBATIM && depth < SCHEMA_DEPTH;
    kept.push([name, inner ? withoutNulls(member, depth + 1) : member]);
  }
  return Object.fromEntries(kept);
}
