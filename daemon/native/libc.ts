import type * as Koffi from 'koffi';
import { CodedError } from '../../shared/errors.ts';

/**
 * The C library of this process, for the things Node has no call for: peer credentials,
 * advisory locks, the user database and datagrams. See ADR 0009 and 0018.
 */
export interface LibC {
  readonly koffi: typeof Koffi;
  readonly library: Koffi.LibraryHandle;
}

/** @throws CodedError `NATIVE_UNAVAILABLE` where koffi has no binary for this platform */
export async function loadLibC(): Promise<LibC> {
  try {
    const loaded = (await import('koffi')) as typeof Koffi & { readonly default?: typeof Koffi };
    const koffi = loaded.default ?? loaded;
    return { koffi, library: koffi.load(null) };
  } catch (cause) {
    const message = `no access to the C library on ${process.platform}-${process.arch}`;
    throw new CodedError('NATIVE_UNAVAILABLE', message, { cause });
  }
}
