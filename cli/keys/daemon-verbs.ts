import type { FlagSpec, FlagValues } from '../../shared/flags.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { dbFlag, PATH_NOTE } from '../common-flags.ts';
import { runSibling } from '../sibling.ts';
import { defineVerb } from '../verb.ts';

/** Only the daemon opens private keys, so these commands start it for one action. See ADR 0015. */
const DAEMON = 'obsigna-daemon';

const key = {
  type: 'string',
  placeholder: 'KEY',
  describe: 'signing key: a file, ssh-agent:FINGERPRINT|COMMENT, or a pkcs11: URI',
  env: 'AGENTRECEIPTS_KEY',
  default: '<data>/agent-receipts/signing.key',
} as const;

const publicKey = {
  type: 'string',
  placeholder: 'PATH',
  describe: 'where the public key is published',
  env: 'AGENTRECEIPTS_PUBLIC_KEY',
  default: '<key>.pub',
} as const;

const EXITS = `Exit codes: 0 done; 1 it could not be done, and nothing changed; 2 wrong usage.
`;

export const generateCommand = defineVerb({
  name: 'keys generate',
  operands: [],
  about: 'Makes a signing key and its public key. Never overwrites one.',
  spec: { key, 'public-key': publicKey },
  notes: `${PATH_NOTE}\n${EXITS}`,
  run: ({ flags }, cli) => run(cli, 'init', flags),
});

export const pubkeyCommand = defineVerb({
  name: 'keys pubkey',
  operands: [],
  about: 'Prints the public half of the signing key, as PEM.',
  spec: { key },
  notes: `${PATH_NOTE}\n${EXITS}`,
  run: ({ flags }, cli) => run(cli, 'print-public-key', flags),
});

export const rotateCommand = defineVerb({
  name: 'keys rotate',
  operands: [],
  about: 'Replaces the signing key and records it. Stop the daemon first.',
  spec: {
    key,
    'public-key': publicKey,
    'new-key': {
      type: 'string',
      placeholder: 'KEY',
      describe:
        'key to hand over to: ssh-agent:..., pkcs11:..., or a file to make; a fresh file if not given',
    },
    db: { ...dbFlag, describe: 'receipt store that records the rotation' },
    'chain-id': {
      type: 'string',
      placeholder: 'ID',
      describe: 'chain that records it; the live chain of the store if not given',
      env: 'AGENTRECEIPTS_CHAIN_ID',
    },
    'issuer-id': {
      type: 'string',
      placeholder: 'DID',
      describe: 'issuer.id of the receipt; the same as the daemon uses',
      env: 'AGENTRECEIPTS_ISSUER_ID',
    },
    'verification-method': {
      type: 'string',
      placeholder: 'DID-URL',
      describe: 'proof.verificationMethod of the receipt; the same as the daemon uses',
      env: 'AGENTRECEIPTS_VERIFICATION_METHOD',
    },
    'anchor-log': {
      type: 'string',
      placeholder: 'PATH',
      describe: 'file to append the rotation to, best where the daemon cannot change it',
      env: 'AGENTRECEIPTS_ANCHOR_LOG',
    },
    socket: {
      type: 'string',
      placeholder: 'PATH',
      describe: 'socket at which no daemon may answer',
      env: 'AGENTRECEIPTS_SOCKET',
    },
  },
  notes: `${PATH_NOTE}
The old key signs a receipt that names the new one, then the new pair takes its
place. The old public key stays as <public-key>.rotated-...; the old private key
does not. Chains from before stay valid: verify follows the rotation.

${EXITS}`,
  run: ({ flags }, cli) => run(cli, 'rotate', flags),
});

/** Flags and variables as they were given: defaults are the daemon's business. */
function run<S extends FlagSpec>(cli: Cli, action: string, flags: FlagValues<S>): ExitCode {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  const args = given.map(([name, value]) => `-${name}=${String(value)}`);
  return runSibling(cli, DAEMON, [...args, `-${action}`]);
}
