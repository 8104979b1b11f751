import { closeSync, constants, fstatSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { generateForensicKey } from '../../shared/crypto/forensic-key.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { X25519_KEY_BYTES } from '../../shared/envelope/envelope.ts';
import { CodedError } from '../../shared/errors.ts';
import { PRIVATE_MODE, PUBLIC_MODE, writeNewKeyFile } from './key-files.ts';

/**
 * Makes the key pair that opens disclosures: 32 raw bytes in each file, the private one 0600, the
 * public one 0644, or neither.
 *
 * @returns The `kid` that envelopes will name
 * @throws CodedError `KEY_EXISTS` when one of the two is there already
 */
export function createForensicKeyFiles(privatePath: string, publicPath: string): string {
  if (resolve(privatePath) === resolve(publicPath)) {
    throw new CodedError('USAGE', `private and public key cannot both be ${privatePath}`);
  }
  const { privateKey, publicKey } = generateForensicKey();
  writeNewKeyFile(privatePath, privateKey, PRIVATE_MODE);
  try {
    writeNewKeyFile(publicPath, publicKey, PUBLIC_MODE);
  } catch (error) {
    unlinkSync(privatePath);
    throw error;
  }
  return hashUri(nodeSuite, publicKey);
}

/**
 * The public key to seal for. The daemon never sees the private half.
 *
 * @throws CodedError `FORENSIC_KEY_UNREADABLE`; `FORENSIC_KEY_INVALID` unless the file has exactly 32
 *   bytes
 */
export function loadForensicPublicKey(path: string): Uint8Array {
  const bytes = readRegularFile(path);
  if (bytes.length === X25519_KEY_BYTES) return bytes;
  const message = `${path} has ${bytes.length} bytes, a public key has ${X25519_KEY_BYTES}`;
  throw new CodedError('FORENSIC_KEY_INVALID', message);
}

function readRegularFile(path: string): Uint8Array {
  let fd: number | undefined;
  try {
    // O_NONBLOCK: opening a FIFO must not hang the start.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw new CodedError('FORENSIC_KEY_UNREADABLE', `${path} is not a regular file`);
    }
    if (stat.size > 1024) {
      const message = `${path} has ${stat.size} bytes, a public key has ${X25519_KEY_BYTES}`;
      throw new CodedError('FORENSIC_KEY_INVALID', message);
    }
    return readFileSync(fd);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('FORENSIC_KEY_UNREADABLE', `${path} cannot be read (${code})`, { cause });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
