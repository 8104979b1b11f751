import { CodedError } from '../shared/errors.ts';
import type { Cli } from './cli.ts';
import { choosePaint, type Paint } from './terminal.ts';

/** Flags that several commands share, under the same names and variables everywhere. */
export const dbFlag = {
  type: 'string',
  placeholder: 'PATH',
  describe: 'receipt store to read',
  env: 'AGENTRECEIPTS_DB',
  default: '<data>/agent-receipts/receipts.db',
} as const;

export const publicKeyFlag = {
  type: 'string',
  placeholder: 'PATH',
  describe: 'public key to verify with; without it $AGENTRECEIPTS_KEY.pub is tried',
  env: 'AGENTRECEIPTS_PUBLIC_KEY',
  default: '<data>/agent-receipts/signing.key.pub',
} as const;

const pinFlag = {
  type: 'list',
  placeholder: 'FINGERPRINT',
  describe:
    'trust chains only that begin with this key or with one that it led to; may be given several times',
  env: 'AGENTRECEIPTS_PIN',
} as const;

export const colorFlag = {
  type: 'string',
  placeholder: 'WHEN',
  describe: 'colour: auto, always or never',
  default: 'auto',
} as const;

const jsonFlag = { type: 'boolean', describe: 'print the answer as JSON' } as const;

/** What is looked at: the store, and the key beside it. */
export const storeFlags = { db: dbFlag, 'public-key': publicKeyFlag } as const;

/** What is looked at by whoever judges receipts. */
export const evidenceFlags = { ...storeFlags, pin: pinFlag } as const;

/** What the answer looks like. */
export const answerFlags = { json: jsonFlag, color: colorFlag } as const;

export const PATH_NOTE = `<data> is $XDG_DATA_HOME, or ~/.local/share.
`;

export function storePath(cli: Cli, given: string | undefined): string {
  const path = given ?? cli.paths.db;
  // Not ":memory:" either: SQLite would make an empty store of both.
  if (path !== '' && path !== ':memory:') return path;
  throw new CodedError('USAGE', path === '' ? '-db is required' : '-db must name a file');
}

export function publicKeyPath(cli: Cli, given: string | undefined): string {
  const { AGENTRECEIPTS_KEY: key = '' } = cli.env;
  // A key in an ssh-agent or a token is no file, and its public half lies at the default place.
  const isFile = key !== '' && !/^(?:ssh-agent|pkcs11):/.test(key);
  const path = given ?? (isFile ? `${key}.pub` : cli.paths.publicKey);
  if (path === '') throw new CodedError('USAGE', '-public-key is required');
  return path;
}

export function paintFor(cli: Cli, mode: string | undefined): Paint {
  return choosePaint(mode ?? 'auto', cli.env, cli.outIsTerminal);
}
