import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { generateKeyPem, parsePrivateKeyPem } from '../../shared/crypto/private-key.ts';
import { formatPublicKeyPem } from '../../shared/crypto/public-key.ts';
import type { Signer } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';

const MAX_KEY_BYTES = 16 * 1024;
export const PRIVATE_MODE = 0o600;
export const PUBLIC_MODE = 0o644;
const DIRECTORY_MODE = 0o750;

/**
 * Loads the signing key. Refuses what others could have read or replaced.
 *
 * @throws CodedError `KEY_MISSING`, `KEY_UNSAFE` (mode, symlink, not a file, size), `KEY_INVALID`
 */
export function loadSigningKey(path: string): Signer {
  return parsePrivateKeyPem(readPrivateFile(path));
}

/** The text of a small file that its owner alone can reach. Throws as `loadSigningKey`. */
export function readPrivateFile(path: string): string {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO must not hang the start.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause as NodeJS.ErrnoException);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new CodedError('KEY_UNSAFE', `${path} is not a regular file`);
    const loose = stat.mode & 0o077;
    if (loose !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw new CodedError('KEY_UNSAFE', `${path} has mode ${mode}; others may reach what signs`);
    }
    if (stat.size > MAX_KEY_BYTES) {
      throw new CodedError('KEY_UNSAFE', `${path} has ${stat.size} bytes, limit ${MAX_KEY_BYTES}`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, cause: NodeJS.ErrnoException): CodedError {
  if (cause.code === 'ENOENT') {
    return new CodedError('KEY_MISSING', `no signing key at ${path}`, { cause });
  }
  if (cause.code === 'ELOOP') {
    return new CodedError('KEY_UNSAFE', `${path} is a symbolic link`, { cause });
  }
  return new CodedError('KEY_UNSAFE', `${path} cannot be read (${cause.code})`, { cause });
}

/**
 * Makes a key pair: the private file 0600, the public one 0644, or neither.
 *
 * @throws CodedError `KEY_EXISTS` when one of the two is there already: a key is never overwritten
 */
export function createKeyFiles(privatePath: string, publicPath: string): void {
  if (resolve(privatePath) === resolve(publicPath)) {
    throw new CodedError('USAGE', `private and public key cannot both be ${privatePath}`);
  }
  const { privatePem, publicPem } = generateKeyPem();
  writeNewKeyFile(privatePath, privatePem, PRIVATE_MODE);
  try {
    writeNewKeyFile(publicPath, publicPem, PUBLIC_MODE);
  } catch (error) {
    unlinkSync(privatePath);
    throw error;
  }
}

/**
 * Makes a key pair where there is none, for a service that starts for the first time.
 *
 * @param hasReceipts - Whether something was signed before: then the key is lost, not missing, and
 *   a new one in its place would hide that.
 * @returns Whether the key was made now
 * @throws CodedError `KEY_LOST`, and as `createKeyFiles`
 */
export function createKeyIfMissing(
  privatePath: string,
  publicPath: string,
  hasReceipts: () => boolean,
): boolean {
  if (lstatSync(privatePath, { throwIfNoEntry: false }) !== undefined) return false;
  if (hasReceipts()) {
    throw new CodedError('KEY_LOST', `no signing key at ${privatePath}, but receipts were signed`);
  }
  createKeyFiles(privatePath, publicPath);
  return true;
}

/**
 * Looks at the public key file without touching it. A file that is there must hold the very key:
 * whoever verifies by it would otherwise call our receipts forged, or forged ones ours.
 *
 * @returns Whether the file exists
 * @throws CodedError `KEY_MISMATCH`, `KEY_UNSAFE`
 */
export function checkPublicKey(path: string, signer: Signer): boolean {
  const found = readPublicKey(path);
  if (found === undefined) return false;
  if (found !== formatPublicKeyPem(signer.publicKey)) {
    throw new CodedError('KEY_MISMATCH', `${path} holds another public key than the signing key's`);
  }
  return true;
}

/** The text of a public key file; undefined when there is none. Throws as `checkPublicKey`. */
export function readPublicKey(path: string): string | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile()) throw new CodedError('KEY_UNSAFE', `${path} is not a regular file`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw error instanceof CodedError ? error : unreadable(path, error as NodeJS.ErrnoException);
  }
}

/**
 * Puts the public half where verifiers look for it. Throws as `checkPublicKey`.
 *
 * @returns true when the file was written now
 */
export function publishPublicKey(path: string, signer: Signer): boolean {
  if (checkPublicKey(path, signer)) {
    if ((lstatSync(path).mode & 0o777) !== PUBLIC_MODE) chmodSync(path, PUBLIC_MODE);
    return false;
  }
  writeNewKeyFile(path, formatPublicKeyPem(signer.publicKey), PUBLIC_MODE);
  return true;
}

/**
 * Creates a file that must not exist; it is on disk, with exactly this mode, when this returns.
 *
 * @throws CodedError `KEY_EXISTS`, `CONFIG_INVALID`
 */
export function writeNewKeyFile(path: string, data: string | Uint8Array, mode: number): void {
  try {
    writeExclusively(path, data, mode);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new CodedError('CONFIG_INVALID', `${path} cannot be written (${code})`, { cause });
  }
}

function writeExclusively(path: string, data: string | Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  let fd: number;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    fd = openSync(path, flags, mode);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CodedError('KEY_EXISTS', `${path} exists already`, { cause });
  }
  try {
    fchmodSync(fd, mode); // exact, whatever the umask
    writeFileSync(fd, data); // unlike one write(2), not content with a part
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(path); // half a key would be in the way of the next attempt
    throw error;
  } finally {
    closeSync(fd);
  }
}
