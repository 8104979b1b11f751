import { Buffer } from 'node:buffer';
import { columnsOf, type ReceiptColumns } from '../shared/chain/stored.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { hashUri, type Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { canonicalBytes } from '../shared/json/canonical-bytes.ts';
import type { JsonValue } from '../shared/json/value.ts';
import { PROOF_PURPOSE, PROOF_TYPE, type ReceiptBody } from '../shared/receipt/receipt.ts';
import type { ReceiptRow } from './store/receipt-store.ts';

/** A receipt that only wants its signature. */
export interface Unsigned {
  readonly columns: ReceiptColumns;
  /** The stored text up to the signature. */
  readonly open: string;
}

interface Prepared extends Unsigned {
  /** What is to be signed: a view that the next receipt writes over. */
  readonly canonical: Uint8Array;
}

/**
 * Turns a finished body into a stored receipt. One canonical buffer serves the signature and the
 * hash; the stored text keeps the member order that peers write.
 *
 * @see Receipt specification, "Signing" and "Receipt hash"; RFC 8785; RFC 8032 section 5.1.6
 */
export function seal(body: ReceiptBody, signer: Signer, verificationMethod: string): ReceiptRow {
  const unsigned = prepare(body, verificationMethod);
  return close(unsigned, signer.sign(unsigned.canonical));
}

/** Everything but the signature, which the link to the next receipt does not need. */
export function prepare(body: ReceiptBody, verificationMethod: string): Prepared {
  const canonical = canonicalBytes(body as unknown as JsonValue);
  const columns = columnsOf(body, hashUri(nodeSuite, canonical));
  const proof = {
    type: PROOF_TYPE,
    created: body.issuanceDate,
    verificationMethod,
    proofPurpose: PROOF_PURPOSE,
  };
  const open = `${storedText(body).slice(0, -1)},"proof":${JSON.stringify(proof).slice(0, -1)}`;
  return { columns, canonical, open };
}

/** The receipt as it is stored. */
export function close({ columns, open }: Unsigned, signature: Uint8Array): ReceiptRow {
  const value = Buffer.from(signature).toString('base64url');
  return { columns, text: `${open},"proofValue":"u${value}"}}` };
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
