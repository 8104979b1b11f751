import { Buffer } from 'node:buffer';
import { columnsOf } from '../shared/chain/stored.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri, type Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { canonicalBytes } from '../shared/json/canonical-bytes.ts';
import type { JsonValue } from '../shared/json/value.ts';
import { PROOF_PURPOSE, PROOF_TYPE, type ReceiptBody } from '../shared/receipt/receipt.ts';
import type { ReceiptRow } from './store/receipt-store.ts';

/**
 * Turns a finished body into a stored receipt. One canonical buffer serves the signature and the
 * hash; the stored text keeps the member order that peers write.
 *
 * @see Receipt specification, "Signing" and "Receipt hash"; RFC 8785; RFC 8032 section 5.1.6
 */
export function seal(body: ReceiptBody, signer: Signer, verificationMethod: string): ReceiptRow {
  const canonical = canonicalBytes(body as unknown as JsonValue);
  const proof = {
    type: PROOF_TYPE,
    created: body.issuanceDate,
    verificationMethod,
    proofPurpose: PROOF_PURPOSE,
    proofValue: `u${Buffer.from(signer.sign(canonical)).toString('base64url')}`,
  };
  const receipt = { ...body, proof };
  return {
    columns: columnsOf(receipt, hashUri(nodeSuite, canonical)),
    text: storedText(receipt),
  };
}

/** The native serialiser is recursive: only what an emitter put into `runtime` nests that deep. */
function storedText(receipt: object): string {
  try {
    return JSON.stringify(receipt);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = 'issuer.runtime nests deeper than can be stored';
    throw new CodedError('JSON_TOO_DEEP', message, { cause });
  }
}
