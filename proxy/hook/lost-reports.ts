import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const LOST = 'lost';
const CLAIM = /^claimed-(\d+)$/;
/** What counts a day of calls without a daemon is no longer a number that anybody needs exactly. */
const MAX_COUNT = 1_000_000;

/** Lost reports that one process has taken over, to tell of them. */
export interface Claim {
  readonly count: number;
  /** They are in the record. */
  told(): void;
  /** They are not: somebody else has to tell of them. */
  giveBack(): void;
}

/**
 * Reports that no daemon was there for. A hook ends before one comes back, so that the count lies in a
 * file, one byte for each: to append is atomic, and nobody has to lock. The next hook that reaches a
 * daemon tells of them. May count one twice after a crash, and never loses one that is in the file.
 */
export class LostReports {
  readonly #folder: string;

  /** @param folder - Empty where no place is known: then nothing is counted */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns false where it cannot be written down */
  add(count: number): boolean {
    if (this.#folder === '') return false;
    try {
      makeFolder(this.#folder);
      appendFileSync(join(this.#folder, LOST), '.'.repeat(Math.min(count, MAX_COUNT)));
      return true;
    } catch {
      return false;
    }
  }

  /** Takes over what is there; nothing in nearly every run. */
  claim(): Claim | undefined {
    if (this.#folder === '') return undefined;
    const files = listed(this.#folder).filter(isFree);
    const taken = files.flatMap((name, index) => this.#take(name, index));
    const count = Math.min(
      taken.reduce((sum, { size }) => sum + size, 0),
      MAX_COUNT,
    );
    if (count === 0) return undefined;
    const remove = () => {
      for (const { path } of taken) attempt(() => unlinkSync(path));
    };
    return {
      count,
      told: remove,
      giveBack: () => {
        if (this.add(count)) remove();
      },
    };
  }

  #take(name: string, index: number): readonly { path: string; size: number }[] {
    // A name per process and file: the rename succeeds for one process only.
    const path = join(this.#folder, `claimed-${process.pid}${index === 0 ? '' : `.${index}`}`);
    return (
      attempt(() => {
        renameSync(join(this.#folder, name), path);
        return [{ path, size: statSync(path).size }];
      }) ?? []
    );
  }
}

/** The count itself, or one whose process died before it could tell of it. */
function isFree(name: string): boolean {
  if (name === LOST) return true;
  const [, pid] = CLAIM.exec(name.split('.')[0] ?? '') ?? [];
  return pid !== undefined && Number(pid) !== process.pid && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One by one: where nothing can be made, as in /proc, Node's own way never ends. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

function listed(folder: string): readonly string[] {
  // Asked first: nearly always there is none, and Node takes longer to say so as an error.
  return existsSync(folder) ? (attempt(() => readdirSync(folder)) ?? []) : [];
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // another hook was faster, or nothing has ever been lost
  }
}
