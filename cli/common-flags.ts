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

export const colorFlag = {
  type: 'string',
  placeholder: 'WHEN',
  describe: 'colour: auto, always or never',
  default: 'auto',
} as const;

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
  // A key in an ssh-agent is no file, and its public half lies at the default place.
  const isFile = key !== '' && !key.startsWith('ssh-agent:');
  const path = given ?? (isFile ? `${key}.pub` : cli.paths.publicKey);
  if (path === '') throw new CodedError('USAGE', '-public-key is required');
  return path;
}

export function paintFor(cli: Cli, mode: string | undefined): Paint {
  return choosePaint(mode ?? 'auto', cli.env, cli.outIsTerminal);
}
