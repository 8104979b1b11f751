import { columnsOf, RECEIPT_COLUMNS, type StoredReceipt } from './stored.ts';
import { scanMembersOnce } from '../json/duplicates.ts';
import { encodeUtf8 } from '../json/text.ts';
import { PROOF_PURPOSE, type ReadReceipt } from '../receipt/receipt.ts';

const PROOF_MEMBERS = new Set([
  'type',
  'created',
  'verificationMethod',
  'proofPurpose',
  'proofValue',
]);

/**
 * What stands beside the signed bytes and could be changed without breaking the signature: members
 * of the proof, a name that stands twice in the text (a parser shows only one of the two), and the
 * columns that queries trust.
 *
 * @param receiptHash - The hash computed from the receipt itself, never the column.
 * @param isPlain - No name can stand twice: whoever read the text has seen that.
 * @returns The first contradiction, or undefined.
 */
export function findUnsignedChange(
  stored: StoredReceipt,
  read: ReadReceipt,
  receiptHash: string,
  isPlain = false,
): string | undefined {
  return (
    proofProblem(read) ??
    (isPlain ? undefined : duplicateProblem(stored.text, read)) ??
    columnProblem(stored, read, receiptHash)
  );
}

function proofProblem({ receipt }: ReadReceipt): string | undefined {
  const { proof } = receipt;
  const extra = Object.keys(proof).find((name) => !PROOF_MEMBERS.has(name));
  if (extra !== undefined) return `unsigned member "${extra}" in proof`;
  if (proof.proofPurpose !== PROOF_PURPOSE) {
    return `proof.proofPurpose is "${proof.proofPurpose}", expected "${PROOF_PURPOSE}"`;
  }
  // A daemon takes the time once per receipt; other issuers may sign later than they act.
  if (receipt.issuer.type === DAEMON_ISSUER_TYPE && proof.created !== receipt.issuanceDate) {
    return `proof.created is ${proof.created}, the receipt was issued ${receipt.issuanceDate}`;
  }
  return undefined;
}

export const DAEMON_ISSUER_TYPE = 'AgentReceiptsDaemon';

function duplicateProblem(text: string, { json }: ReadReceipt): string | undefined {
  if (isSerialisationOf(json, text)) return undefined;
  const { duplicate } = scanMembersOnce(encodeUtf8(text));
  return duplicate === undefined ? undefined : `member "${duplicate}" stands twice in one object`;
}

/** Text that is what the decoded value serialises to holds nothing that decoding has hidden. */
function isSerialisationOf(json: ReadReceipt['json'], text: string): boolean {
  try {
    return JSON.stringify(json) === text;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false; // nested deeper than its recursion reaches; the scanner has no such limit
  }
}

function columnProblem(
  { columns }: StoredReceipt,
  { receipt }: ReadReceipt,
  receiptHash: string,
): string | undefined {
  if (columns === undefined) return undefined;
  const expected = columnsOf(receipt, receiptHash);
  for (const name of RECEIPT_COLUMNS) {
    if (columns[name] !== expected[name]) {
      return `column ${name} says ${show(columns[name])}, the receipt says ${show(expected[name])}`;
    }
  }
  return undefined;
}

function show(value: string | number | null): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}
