import type { LibC } from './libc.ts';

/** Login name of a uid, or undefined where the user database has no entry. */
export type LoginReader = (uid: number) => string | undefined;

/**
 * Asks the C library, so that LDAP, SSSD and the like count: `/etc/passwd` alone does not know the
 * users of a company. Answers are kept; a renamed login shows after a restart.
 *
 * @see getpwuid(3)
 */
export function loginReader(libc: LibC): LoginReader {
  const getpwuid = libc.library.func('void *getpwuid(uint32_t uid)') as unknown as (
    uid: number,
  ) => bigint | null;
  const known = new Map<number, string | undefined>();
  return (uid) => {
    if (known.has(uid)) return known.get(uid);
    const entry = getpwuid(uid);
    // pw_name is the first member of struct passwd on every platform we run on.
    const login = entry === null ? undefined : String(libc.koffi.decode(entry, 'char *'));
    known.set(uid, login);
    return login;
  };
}
