import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import {
  answerFlags,
  evidenceFlags,
  paintFor,
  PATH_NOTE,
  publicKeyPath,
  storePath,
} from '../common-flags.ts';
import { KeyTrust, parsePins } from '../key-trust.ts';
import { readKeyring } from '../keyring.ts';
import { secondText } from '../moment.ts';
import { ReceiptReader, type StoredChain, type StoredRow } from '../store/reader.ts';
import { printable, type Colour, type Paint } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import type { CheckStatus, EventResult, EventVerdict } from './event-checks.ts';
import { judgeEvents } from './judge-events.ts';

const spec = {
  id: { type: 'string', placeholder: 'ID', describe: 'the receipt with this id' },
  'chain-head': { type: 'boolean', describe: 'the last receipt of the chain' },
  since: {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'every receipt that is not older than this, such as 10m or 36h',
  },
  ...evidenceFlags,
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    describe: 'look in this chain only; -chain-head takes the newest root chain without it',
    env: 'AGENTRECEIPTS_CHAIN_ID',
  },
  'emitter-allowlist': {
    type: 'string',
    placeholder: 'PATHS',
    describe: 'executables that may report, separated by commas',
    env: 'AGENTRECEIPTS_EMITTER_ALLOWLIST',
  },
  ...answerFlags,
} as const;

const notes = `${PATH_NOTE}
Give exactly one of -id, -chain-head and -since. Each chain concerned is verified
as a whole, with keys that were rotated out found as in obsigna verify, and -pin
means the same as there.

Exit codes: 0 every receipt is confirmed, or the daemon's own statement; 1 one
failed; 3 one is signed but says nothing about its caller; 2 wrong usage, nothing
selected, or store or key not readable.
`;

/** `obsigna receipt verify-event` */
export const verifyEventCommand = defineVerb({
  name: 'receipt verify-event',
  operands: [],
  about: 'Verifies single receipts, and what they say about who reported them.',
  spec,
  notes,
  run: verifyEvent,
});

type Flags = VerbInput<typeof spec>['flags'];

/** Which receipts, and the chains that hold them. */
interface Selection {
  readonly chains: readonly StoredChain[];
  readonly isSelected: (row: StoredRow) => boolean;
}

async function verifyEvent({ flags }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const paint = paintFor(cli, flags.color);
  checkSelector(flags);
  const allowed = allowlistOf(flags['emitter-allowlist']);
  const pins = parsePins(flags.pin);
  const reader = new ReceiptReader(storePath(cli, flags.db));
  try {
    const { chains, isSelected } = select(reader, flags, Date.now());
    if (chains.length === 0) throw nothingSelected(flags);
    const keyring = readKeyring(publicKeyPath(cli, flags['public-key']));
    for (const line of keyring.skipped) cli.say.log(`Note: ${printable(line)}`);
    const trust = new KeyTrust(reader, keyring, pins);
    const verdicts = new Set<EventVerdict>();
    const print = flags.json === true ? jsonPrinter(cli) : textPrinter(cli, paint);
    for (const chain of chains) {
      for await (const result of judgeEvents(reader, chain, trust, isSelected, allowed)) {
        verdicts.add(result.verdict);
        print.result(result);
      }
    }
    if (verdicts.size === 0) throw nothingSelected(flags);
    print.end();
    if (verdicts.has('failed')) return 1;
    return verdicts.has('verified_no_provenance_evidence') ? 3 : 0;
  } finally {
    reader.close();
  }
}

function checkSelector({ id, 'chain-head': head, since }: Flags): void {
  const given = [id !== undefined, head === true, since !== undefined].filter(Boolean).length;
  if (given !== 1) {
    throw new CodedError('USAGE', `give exactly one of -id, -chain-head and -since, got ${given}`);
  }
  if (since !== undefined && since <= 0) {
    throw new CodedError('USAGE', '-since must be longer than nothing');
  }
}

function allowlistOf(text: string | undefined): readonly string[] | undefined {
  const paths = text?.split(',').filter((path) => path !== '');
  return paths === undefined || paths.length === 0 ? undefined : paths;
}

function select(reader: ReceiptReader, flags: Flags, nowMs: number): Selection {
  const { id, since, 'chain-id': chainId } = flags;
  if (id !== undefined) {
    const named = id.startsWith('urn:') ? id : `urn:receipt:${id}`;
    const row = reader.withId(named);
    const isInChain = chainId === undefined || row?.columns.chain_id === chainId;
    if (row === undefined || !isInChain) return NOTHING;
    return { chains: [reader.chainOf(row)], isSelected: ({ columns }) => columns.id === named };
  }
  if (since === undefined) {
    const head = chainId === undefined ? reader.newestRoot() : { id: chainId, key: chainId };
    const last = head === undefined ? undefined : reader.last(head);
    if (head === undefined || last === undefined) return NOTHING;
    const { sequence } = last.columns;
    return { chains: [head], isSelected: ({ columns }) => columns.sequence === sequence };
  }
  const from = secondText(nowMs - since);
  const isRecent = ({ columns }: StoredRow) => columns.timestamp >= from;
  const chains = reader.chainsSince(from);
  return {
    chains: chainId === undefined ? chains : chains.filter((chain) => chain.id === chainId),
    isSelected: isRecent,
  };
}

const NOTHING: Selection = { chains: [], isSelected: () => false };

function nothingSelected({ id, since, 'chain-id': chainId }: Flags): CodedError {
  const where = chainId === undefined ? 'in the store' : `in chain ${chainId}`;
  let what = 'no receipts';
  if (id !== undefined) what = `no receipt ${id}`;
  else if (since !== undefined) what = 'no receipt of that time';
  return new CodedError('NOTHING_SELECTED', `${what} ${where}`);
}

interface Printer {
  result(result: EventResult): void;
  end(): void;
}

const VERDICT_LINES: Readonly<Record<EventVerdict, readonly [colour: Colour, text: string]>> = {
  verified_provenance_confirmed: ['green', 'VERIFIED \u2014 pipeline-provenance confirmed'],
  verified_daemon_statement: ['green', "VERIFIED \u2014 the daemon's own statement, no caller"],
  verified_no_provenance_evidence: [
    'yellow',
    'VERIFIED (cryptographically) \u2014 no pipeline-provenance evidence',
  ],
  failed: ['red', 'FAILED \u2014 receipt is suspect; investigate'],
};

const STATUS_COLOURS: Readonly<Partial<Record<CheckStatus, Colour>>> = {
  pass: 'green',
  fail: 'red',
  warn: 'yellow',
};

function textPrinter(cli: Cli, paint: Paint): Printer {
  return {
    result: ({ receipt_id: id, chain_id: chain, sequence, checks, verdict }) => {
      const place = `chain ${printable(chain)}, seq ${sequence ?? 'unknown'}`;
      cli.out.write(`Receipt ${printable(id)} (${place}):\n`);
      for (const { name, status, detail } of checks) {
        const word = status.toUpperCase().padEnd(4);
        const colour = STATUS_COLOURS[status];
        const shown = colour === undefined ? word : paint(colour, word);
        cli.out.write(`  [${shown}] ${name} \u2014 ${printable(detail)}\n`);
      }
      const [colour, text] = VERDICT_LINES[verdict];
      cli.out.write(`  => ${paint(colour, text)}\n`);
    },
    end: () => {},
  };
}

/** The text of `JSON.stringify({ results }, null, 2)`, one result at a time. */
function jsonPrinter(cli: Cli): Printer {
  let isFirst = true;
  return {
    result: (result) => {
      const text = JSON.stringify(result, null, 2).replaceAll('\n', '\n    ');
      cli.out.write(`${isFirst ? '{\n  "results": [' : ','}\n    ${text}`);
      isFirst = false;
    },
    end: () => cli.out.write('\n  ]\n}\n'),
  };
}
