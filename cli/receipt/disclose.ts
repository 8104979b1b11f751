import { readFileSync, statSync } from 'node:fs';
import { base58 } from '@scure/base';
import { parseForensicKey, type ForensicKey } from '../../shared/crypto/forensic-key.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { readEnvelope } from '../../shared/envelope/envelope.ts';
import { openEnvelope } from '../../shared/envelope/hpke.ts';
import { CodedError } from '../../shared/errors.ts';
import { canonicalize } from '../../shared/json/canonical.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import type { Receipt } from '../../shared/receipt/receipt.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { dbFlag, PATH_NOTE, storePath } from '../common-flags.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { findReceipt, parseSelector } from './selector.ts';

const spec = {
  db: dbFlag,
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    describe: 'the chain that SEQ counts in; not needed when only one chain has it',
    env: 'AGENTRECEIPTS_CHAIN_ID',
  },
  key: {
    type: 'string',
    placeholder: 'PATH',
    describe: 'private key to open with: 32 bytes raw, hex or base64, or PKCS#8 PEM',
    env: 'AGENTRECEIPTS_FORENSIC_KEY',
    default: '<data>/agent-receipts/forensic.key',
  },
  response: { type: 'boolean', describe: 'open the response instead of the parameters' },
  json: { type: 'boolean', describe: 'print the object as JSON' },
} as const;

const notes = `${PATH_NOTE}
The receipt is named by its sequence number, by CHAIN:SEQ, or by its id.
What was opened is compared with the hash in the receipt. Whether the receipt
itself is true is a question for obsigna verify.

Exit codes: 0 printed; 1 no such receipt, or nothing was sealed into it;
2 wrong usage, several chains have SEQ, or the store is not readable; 3 the key
cannot be used, or does not open what was sealed.
`;

/** `obsigna receipt disclose` */
export const discloseCommand = defineVerb({
  name: 'receipt disclose',
  operands: ['SEQ|CHAIN:SEQ|ID|SESSION/CALL'],
  about: 'Opens the parameters or the response that were sealed into a receipt.',
  spec,
  notes,
  run: disclose,
});

const MAX_KEY_BYTES = 16 * 1024;

/** One payload of a receipt: what was sealed, and the hash that stands beside it. */
interface Sealed {
  readonly what: 'parameters' | 'response';
  readonly disclosure: JsonObject;
  readonly hash: string | undefined;
}

async function disclose({ flags, operands }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const selector = parseSelector(operands[0], flags['chain-id']);
  const { receipt } = parseReceipt(findReceipt(storePath(cli, flags.db), selector).text);
  const sealed = findSealed(receipt, flags.response === true ? 'response' : 'parameters');
  if (isPlain(receipt, sealed)) {
    cli.say.log(`note: receipts of version ${receipt.version} hold parameters in plain text`);
    print(cli, sealed.disclosure, flags.json === true);
    return 0;
  }
  const key = readKey(flags.key ?? cli.paths.forensicKey);
  const payload = await open(sealed, key);
  print(cli, payload, flags.json === true);
  compareHash(sealed, payload, cli);
  return 0;
}

function findSealed(receipt: Receipt, what: Sealed['what']): Sealed {
  const { action, outcome } = receipt.credentialSubject;
  const parameters = { disclosure: action.parameters_disclosure, hash: action.parameters_hash };
  const response = { disclosure: outcome.response_disclosure, hash: outcome.response_hash };
  const { disclosure, hash } = what === 'parameters' ? parameters : response;
  if (disclosure !== undefined) return { what, disclosure, hash };
  const other = what === 'parameters' ? response : parameters;
  const hint = what === 'parameters' ? '-response opens its response' : 'its parameters are sealed';
  const more = other.disclosure === undefined ? '' : `; ${hint}`;
  throw new CodedError('DISCLOSURE_NONE', `${receipt.id} holds no sealed ${what}${more}`);
}

/** Versions up to 0.3.0 also know a flat map of texts, which nobody needs a key for. */
function isPlain({ version }: Receipt, { what, disclosure }: Sealed): boolean {
  const isText = Object.values(disclosure).every((value) => typeof value === 'string');
  return what === 'parameters' && /^0\.[1-3]\./.test(version) && isText;
}

function readKey(path: string): ForensicKey {
  if (path === '') throw new CodedError('USAGE', '-key is required');
  let bytes: Uint8Array;
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_KEY_BYTES) {
      throw new CodedError('FORENSIC_KEY_UNREADABLE', `${path} is no file of at most 16 KiB`);
    }
    bytes = readFileSync(path);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('FORENSIC_KEY_UNREADABLE', `${path} cannot be read (${code})`, { cause });
  }
  return parseForensicKey(bytes);
}

/** The name of the key in the envelope is not trusted: it only tells which of two reasons is meant. */
async function open({ disclosure }: Sealed, key: ForensicKey): Promise<JsonObject> {
  try {
    return await openEnvelope(disclosure, key.privateKey);
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'ENVELOPE_NOT_OPENED') throw cause;
    const { kid } = readEnvelope(disclosure);
    const own = hashUri(nodeSuite, key.publicKey);
    const why = names(kid, key.publicKey)
      ? `the key matches recipient ${kid}, so the envelope may be corrupt`
      : `the key does not match any recipient: it is ${own}, the envelope is for ${kid}`;
    throw new CodedError('ENVELOPE_NOT_OPENED', `decryption failed: ${why}`, { cause });
  }
}

/** Whether a `kid` is the fingerprint of a key, or its did:key with any fragment. */
function names(kid: string, publicKey: Uint8Array): boolean {
  const [did] = kid.split('#');
  const own = `did:key:z${base58.encode(Uint8Array.of(0xec, 0x01, ...publicKey))}`;
  return kid === hashUri(nodeSuite, publicKey) || did === own;
}

function print(cli: Cli, payload: JsonObject, asJson: boolean): void {
  if (asJson) {
    cli.out.write(`${JSON.stringify(payload, null, 2)}\n`);
    return;
  }
  const inOrder = Object.entries(payload).sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  if (inOrder.length === 0) cli.say.log('note: the object is empty');
  for (const [name, value] of inOrder) {
    const text = typeof value === 'string' ? value : canonicalize(value);
    cli.out.write(`${printable(name)}:  ${printable(text)}\n`);
  }
}

/** An issuer could seal something else than it hashed; the signature alone would not show it. */
function compareHash({ what, hash }: Sealed, payload: JsonObject, cli: Cli): void {
  if (hash === undefined) {
    cli.say.warn(`the receipt has no hash of its ${what} to compare with`);
    return;
  }
  const found = hashUri(nodeSuite, canonicalize(payload));
  if (found === hash) return;
  const message = `the receipt says ${hash}, what was sealed hashes to ${found}`;
  throw new CodedError('DISCLOSURE_MISMATCH', message);
}
