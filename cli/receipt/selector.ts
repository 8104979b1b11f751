import { CodedError } from '../../shared/errors.ts';
import { ReceiptReader, type StoredChain, type StoredRow } from '../store/reader.ts';

/** How a receipt was named on the command line. */
export type Selector =
  | { readonly id: string }
  | { readonly session: string; readonly call: string }
  | { readonly chain: string | undefined; readonly sequence: number };

/** What a proxy tells a server that a call is, in `Obsigna-Receipt`. */
const CALL = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\/([\w.-]{1,128})$/i;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** @throws CodedError `USAGE` */
export function parseSelector(text: string | undefined, chainId: string | undefined): Selector {
  if (text === undefined)
    throw new CodedError('USAGE', 'name a receipt: SEQ, CHAIN:SEQ, ID or SESSION/CALL');
  if (text.startsWith('urn:receipt:')) return { id: text };
  if (UUID.test(text)) return { id: `urn:receipt:${text.toLowerCase()}` };
  const [, session, call] = CALL.exec(text) ?? [];
  if (session !== undefined && call !== undefined) return { session: session.toLowerCase(), call };
  const [, chain, digits] = /^(?:(.+):)?(\d+)$/s.exec(text) ?? [];
  const sequence = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(sequence)) {
    const message = `${JSON.stringify(text)} names no receipt, expected SEQ, CHAIN:SEQ, ID or SESSION/CALL`;
    throw new CodedError('USAGE', message);
  }
  return { chain: chain ?? chainId, sequence };
}

/**
 * The one receipt that is meant, read from a store that is closed again.
 *
 * @throws CodedError `RECEIPT_NOT_FOUND`, `SEQUENCE_AMBIGUOUS`, and what opening a store throws
 */
export function findReceipt(path: string, selector: Selector): StoredRow {
  const reader = new ReceiptReader(path);
  try {
    return find(reader, selector);
  } finally {
    reader.close();
  }
}

function find(reader: ReceiptReader, selector: Selector): StoredRow {
  if ('id' in selector) {
    const row = reader.withId(selector.id);
    if (row === undefined) throw new CodedError('RECEIPT_NOT_FOUND', `no receipt ${selector.id}`);
    return row;
  }
  if ('call' in selector) {
    const { session, call } = selector;
    const row = reader.withCall(session, call);
    if (row !== undefined) return row;
    const message = `no receipt of call ${call} of session ${session}; a call has one when it has ended`;
    throw new CodedError('RECEIPT_NOT_FOUND', message);
  }
  const { chain, sequence } = selector;
  const chains = reader.chains();
  const candidates = chains.filter(
    (candidate) =>
      (chain === undefined || candidate.id === chain) &&
      reader.at(candidate, sequence) !== undefined,
  );
  const [only, second] = candidates;
  if (only === undefined) throw notFound(chains, chain, sequence);
  if (second !== undefined) throw ambiguous(candidates, sequence);
  return reader.at(only, sequence) as StoredRow;
}

function notFound(chains: readonly StoredChain[], chain: string | undefined, sequence: number) {
  let where = 'the store is empty';
  if (chains.length > 0) where = chain === undefined ? 'in no chain' : `in chain ${chain}`;
  return new CodedError('RECEIPT_NOT_FOUND', `no receipt with sequence ${sequence}: ${where}`);
}

const MOST_CANDIDATES = 20;

function ambiguous(candidates: readonly StoredChain[], sequence: number): CodedError {
  const names = candidates.slice(-MOST_CANDIDATES).map(({ id }) => `${id}:${sequence}`);
  const more = candidates.length - names.length;
  const older = more > 0 ? ` and ${more} older` : '';
  const message = `${candidates.length} chains have sequence ${sequence}: ${names.join(', ')}${older}`;
  return new CodedError('SEQUENCE_AMBIGUOUS', message);
}
