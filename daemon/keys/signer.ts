import { existsSync } from 'node:fs';
import type { Signer } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';
import type { LibC } from '../native/libc.ts';
import { loadSigningKey } from './key-files.ts';
import { Pkcs11Signer } from './pkcs11.ts';
import { parsePkcs11Uri, PKCS11 } from './pkcs11-uri.ts';
import { SshAgentSigner } from './ssh-agent.ts';
import { stagedPathOf } from './staged-path.ts';

const SSH_AGENT = 'ssh-agent:';

/** Whether a `-key` names a key in an ssh-agent or a token, and not a file. */
export function isExternalKey(key: string): boolean {
  return key.startsWith(SSH_AGENT) || key.startsWith(PKCS11);
}

export interface SignerParts {
  readonly libc: LibC;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The signer that `-key` names: a file, `ssh-agent:` and a fingerprint or comment, or a `pkcs11:` URI.
 * The seam for the next kind: whatever can give its public key and sign at once stands behind the
 * same interface.
 *
 * @throws CodedError as `loadSigningKey`, `SshAgentSigner`, `parsePkcs11Uri` and `Pkcs11Signer`
 */
export function openSigner(key: string, { libc, env }: SignerParts): Signer {
  if (!isExternalKey(key)) return loadSigningKey(fileOf(key));
  if (key.startsWith(PKCS11)) {
    return new Pkcs11Signer(libc, parsePkcs11Uri(key), env['AGENTRECEIPTS_PKCS11_PIN']);
  }
  const wanted = key.slice(SSH_AGENT.length);
  if (wanted === '')
    throw new CodedError('USAGE', '-key ssh-agent: needs a fingerprint or comment');
  return new SshAgentSigner(libc, wanted, env['SSH_AUTH_SOCK']);
}

/**
 * A rotation into a file that was cut short behind its receipt has left the key in waiting, and none
 * in its place. Whoever opens it settles the rotation before anything is signed: `settleSwap`.
 */
function fileOf(key: string): string {
  const staged = stagedPathOf(key);
  return !existsSync(key) && existsSync(staged) ? staged : key;
}
