import { CodedError } from '../../shared/errors.ts';
import { signedText } from '../../shared/receipt/hash.ts';
import { parseReceipt } from '../../shared/receipt/parse.ts';
import { verifyProof } from '../../shared/receipt/proof.ts';
import type { ReadReceipt } from '../../shared/receipt/receipt.ts';
import type { Cli, ExitCode } from '../cli.ts';
import {
  answerFlags,
  paintFor,
  PATH_NOTE,
  publicKeyPath,
  storeFlags,
  storePath,
} from '../common-flags.ts';
import { readKeyring, type Keyring } from '../keyring.ts';
import { findReceipt, parseSelector } from '../receipt/selector.ts';
import { ReceiptReader, type StoredRow } from '../store/reader.ts';
import { printable, type Paint } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { explainMembers, type ExplainedChapter } from './members.ts';

const spec = { ...storeFlags, ...answerFlags } as const;

const notes = `${PATH_NOTE}
Without a name it is the newest receipt of a call in the newest chain. The signature is
checked with the published key and those that it replaced; whether the chain around it
is whole is for \`obsigna receipt verify\` to say.

Exit codes: 0 shown; 1 no such receipt, or its signature does not verify; 2 wrong
usage, or the store or key is not readable.
`;

/** `obsigna sample` */
export const sampleCommand = defineVerb({
  name: 'sample',
  operands: ['[SEQ|CHAIN:SEQ|ID]'],
  about: 'Explains one receipt of this machine: every member, and what it does not prove.',
  spec,
  notes,
  run: sample,
});

function sample({ flags, operands }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const store = storePath(cli, flags.db);
  const [named] = operands;
  const row =
    named === undefined ? newestCall(store) : findReceipt(store, parseSelector(named, undefined));
  const read = parseReceipt(row.text);
  const key = signedBy(read, readKeyring(publicKeyPath(cli, flags['public-key'])));
  const chapters = explainMembers(read.json);
  if (flags.json === true) {
    const answer = { receipt: read.json, signed_by: key ?? null, chapters, not_proved: NOT_PROVED };
    cli.out.write(`${JSON.stringify(answer, null, 2)}\n`);
  } else {
    cli.out.write(text(read, key, chapters, paintFor(cli, flags.color)));
  }
  return key === undefined ? 1 : 0;
}

/** Behind the newest call stand at most a few words of the daemon. */
const LOOK_BACK = 1000;

function newestCall(store: string): StoredRow {
  const reader = new ReceiptReader(store);
  try {
    const chain = reader.newestRoot();
    const last = chain && reader.last(chain);
    if (chain === undefined || last === undefined) {
      throw new CodedError('RECEIPT_NOT_FOUND', `${store} has no receipt yet`);
    }
    const end = last.columns.sequence;
    for (let sequence = end; sequence > Math.max(0, end - LOOK_BACK); sequence -= 1) {
      const row = reader.at(chain, sequence);
      if (row !== undefined && isCall(row)) return row;
    }
    return last;
  } finally {
    reader.close();
  }
}

function isCall({ text: json }: StoredRow): boolean {
  const { peer_credential: peer, type } = parseReceipt(json).receipt.credentialSubject.action;
  return peer !== undefined && !type.startsWith('obsigna.');
}

/** The fingerprint of the key whose signature it has. */
function signedBy({ receipt, json }: ReadReceipt, { published, archived }: Keyring) {
  const signed = signedText(json);
  const found = [published, ...archived].find(({ key }) => verifyProof(key, signed, receipt.proof));
  return found?.fingerprint;
}

const NOT_PROVED = [
  'when it happened: times are the clock of this machine; the order in the chain is proved',
  'that the tool did what it answered: the receipt has a hash of the answer, and nobody looked behind it',
  "who the agent, its model or its operator is: those are claims; pid, user and executable are the kernel's word",
  'what the arguments were: it has their hash, and the text only where it was sealed into it',
  'that the key is the right one: compare its fingerprint with one that you got another way',
  'that the chain around it is whole: obsigna receipt verify',
  'that nothing else was done: what passes neither a proxy nor a hook leaves no receipt',
] as const;

function text(
  { receipt }: ReadReceipt,
  key: string | undefined,
  chapters: readonly ExplainedChapter[],
  paint: Paint,
): string {
  const { chain } = receipt.credentialSubject;
  const lines = [
    `Receipt ${chain.chain_id}:${chain.sequence} of this machine, ${receipt.id}`,
    key === undefined
      ? 'Its signature does NOT verify with the published key or one that it replaced.'
      : `Its signature verifies with the key ${key}.`,
  ].map(printable);
  for (const { title, members } of chapters) {
    lines.push('', paint('bold', title));
    for (const { path, value, means } of members) {
      const said = typeof value === 'string' ? value : JSON.stringify(value);
      lines.push(`  ${printable(path)}: ${printable(said)}`, `      ${means}`);
    }
  }
  lines.push('', paint('bold', 'What it does not prove'));
  return `${[...lines, ...NOT_PROVED.map((limit) => `  - ${limit}`)].join('\n')}\n`;
}
