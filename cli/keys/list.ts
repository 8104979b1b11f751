import type { Handover, Handovers } from '../../shared/chain/handovers.ts';
import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import {
  answerFlags,
  paintFor,
  PATH_NOTE,
  publicKeyPath,
  storeFlags,
  storePath,
} from '../common-flags.ts';
import { handoversOf } from '../key-trust.ts';
import { readKeyring, type Keyring, type NamedKey } from '../keyring.ts';
import { ReceiptReader } from '../store/reader.ts';
import { Table } from '../table.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';

const spec = { ...storeFlags, ...answerFlags } as const;

const notes = `${PATH_NOTE}
FROM and UNTIL are the times of the rotation receipts that brought the key in and
retired it. STATE is published, retired (rotations lead from it to the published
key), or unproven: a file that no rotation in the store vouches for. Archived keys
lie beside the public key.

Exit codes: 0 listed; 2 wrong usage, or key or store not readable.
`;

/** `obsigna keys list` */
export const listKeysCommand = defineVerb({
  name: 'keys list',
  operands: [],
  about: 'Lists the published key and those that it replaced. Reads public keys only.',
  spec,
  notes,
  run: list,
});

type KeyState = 'published' | 'retired' | 'unproven';

interface ListedKey {
  readonly state: KeyState;
  readonly key: NamedKey;
  readonly came: Handover | undefined;
  readonly went: Handover | undefined;
}

function list({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const paint = paintFor(cli, flags.color);
  const keyring = readKeyring(publicKeyPath(cli, flags['public-key']));
  for (const line of keyring.skipped) cli.say.log(`Note: ${printable(line)}`);
  const keys = listKeys(keyring, readHandovers(cli, storePath(cli, flags.db), keyring));
  if (flags.json === true) {
    const shown = keys.map(({ state, key, came, went }) => ({
      state,
      fingerprint: key.fingerprint,
      path: key.path,
      from: came?.timestamp ?? null,
      until: went?.timestamp ?? null,
      rotated_in: came?.receiptId ?? null,
      rotated_out: went?.receiptId ?? null,
    }));
    cli.out.write(`${JSON.stringify({ keys: shown }, null, 2)}\n`);
    return 0;
  }
  const table = new Table(cli.out, paint);
  const headings = ['STATE', 'FROM', 'UNTIL', 'FINGERPRINT', 'FILE'];
  table.row(headings.map((text) => ({ text, colour: 'bold' })));
  for (const { state, key, came, went } of keys) {
    const cells = [
      state,
      came?.timestamp ?? '-',
      went?.timestamp ?? '-',
      key.fingerprint,
      key.path,
    ];
    table.row(cells.map((text) => ({ text: printable(text) })));
  }
  table.end();
  return 0;
}

/** Without a store there are keys, and nothing that was signed with them. */
function readHandovers(cli: Cli, path: string, keyring: Keyring): Handovers | undefined {
  let reader: ReceiptReader;
  try {
    reader = new ReceiptReader(path);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'STORE_MISSING') throw error;
    cli.say.log(`Note: ${printable(error.message)}: nothing is known of when the keys were in use`);
    return undefined;
  }
  try {
    return handoversOf(reader, keyring);
  } finally {
    reader.close();
  }
}

/** The published key first, then the others by the time at which they were retired, newest first. */
function listKeys(keyring: Keyring, handovers: Handovers | undefined): readonly ListedKey[] {
  const { published, archived } = keyring;
  const arrivals = new Map<string, Handover>();
  for (const it of handovers?.all() ?? []) arrivals.set(it.toFingerprint, it);
  const describe = (key: NamedKey, state: KeyState): ListedKey => {
    const { fingerprint } = key;
    return { state, key, came: arrivals.get(fingerprint), went: handovers?.from(fingerprint) };
  };
  const others = archived.map((key) => {
    const isRetired = handovers?.leads(key.fingerprint, published.fingerprint) === true;
    return describe(key, isRetired ? 'retired' : 'unproven');
  });
  const timeOf = ({ went }: ListedKey) => went?.timestamp ?? '';
  others.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : timeOf(a) > timeOf(b) ? -1 : 0));
  return [describe(published, 'published'), ...others];
}
