import type { LibC } from './libc.ts';

/**
 * Makes standard output and standard error of this process another open file, for which Node has no
 * call.
 *
 * @see dup2(2)
 */
export function redirectOutput(libc: LibC, fd: number): void {
  const dup2 = libc.library.func('int dup2(int from, int to)') as unknown as (
    from: number,
    to: number,
  ) => number;
  for (const to of [1, 2]) dup2(fd, to);
}
