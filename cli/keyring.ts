import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { keyFingerprint, parsePublicKeyPem } from '../shared/crypto/public-key.ts';
import type { VerifyKey } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';

/** A public key and where it was found. */
export interface NamedKey {
  readonly path: string;
  readonly key: VerifyKey;
  /** `sha256:` of the raw bytes. */
  readonly fingerprint: string;
}

/** The published key, and those beside it that it replaced. */
export interface Keyring {
  readonly published: NamedKey;
  readonly archived: readonly NamedKey[];
  /** Archives that could not be read, one line each. */
  readonly skipped: readonly string[];
}

const MAX_KEY_BYTES = 16 * 1024;

/**
 * Reads the public key at `path` and its archives, `<basename>.rotated-*` in the same directory.
 *
 * @throws CodedError `PUBLIC_KEY_UNREADABLE`, `KEY_INVALID`; never for an archive
 */
export function readKeyring(path: string): Keyring {
  const published = readKey(path);
  const archived: NamedKey[] = [];
  const skipped: string[] = [];
  for (const archive of archivesOf(path)) {
    try {
      archived.push(readKey(archive));
    } catch (error) {
      skipped.push(`skipped archived key: ${(error as Error).message}`);
    }
  }
  return { published, archived, skipped };
}

function readKey(path: string): NamedKey {
  let pem: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_KEY_BYTES) {
      throw new CodedError('PUBLIC_KEY_UNREADABLE', `${path} is not a key file`);
    }
    pem = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? `no public key at ${path}` : `cannot read ${path}: ${code}`;
    throw new CodedError('PUBLIC_KEY_UNREADABLE', what, { cause });
  }
  try {
    const key = nodeSuite.verifyKey(parsePublicKeyPem(pem));
    return { path, key, fingerprint: keyFingerprint(nodeSuite, key.raw) };
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new CodedError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

function archivesOf(path: string): readonly string[] {
  const folder = dirname(path);
  const prefix = `${basename(path)}.rotated-`;
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    // Regular files only: a link is somebody else's choice of key.
    return entries
      .filter((entry) => entry.isFile() && entry.name.startsWith(prefix))
      .map(({ name }) => join(folder, name))
      .sort();
  } catch {
    return []; // a directory that may be entered but not listed has no archives for us
  }
}
