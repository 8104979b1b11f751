import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';

/** A configuration file as it was found. */
export interface FoundFile {
  /** As a client looks for it; may be a link. */
  readonly path: string;
  /** The file itself, behind every link. */
  readonly target: string;
  readonly bytes: Buffer;
  /** Without the mark that may stand in front. */
  readonly text: string;
  /** A byte order mark, or nothing. */
  readonly mark: string;
}

const MARK = '\uFEFF';
/** The history that one client keeps in its file reaches megabytes; a hundred are something else. */
const MAX_BYTES = 64 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a file of a client; undefined where there is none.
 *
 * @throws CodedError `CLIENT_FILE_UNREADABLE`, `CLIENT_FILE_INVALID` for what is not UTF-8
 */
export function readClientFile(path: string): FoundFile | undefined {
  let bytes: Buffer;
  let target: string;
  try {
    target = realpathSync(path);
    bytes = readRegular(target);
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CodedError('CLIENT_FILE_UNREADABLE', `cannot read ${path} (${code})`, { cause });
  }
  const whole = decode(bytes, path);
  const mark = whole.startsWith(MARK) ? MARK : '';
  return { path, target, bytes, text: whole.slice(mark.length), mark };
}

/** Without waiting for a writer, should it be a pipe. */
function readRegular(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) {
      throw new CodedError('CLIENT_FILE_UNREADABLE', `${path} is no regular file`);
    }
    if (stat.size > MAX_BYTES) {
      const message = `${path} has ${stat.size} bytes, limit ${MAX_BYTES}`;
      throw new CodedError('CLIENT_FILE_UNREADABLE', message);
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function decode(bytes: Buffer, path: string): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new CodedError('CLIENT_FILE_INVALID', `${path}:1:1: not UTF-8`, { cause });
  }
}
