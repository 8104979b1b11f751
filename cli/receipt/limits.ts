import type { Coverage } from '../../shared/chain/coverage.ts';
import type { ChainVerdict, Unchecked } from '../../shared/chain/verdict.ts';
import type { KeyTrust } from '../key-trust.ts';
import type { PrunedRecord } from './pruned.ts';

/**
 * What a run of `verify` did not check, once for all chains: the limits of every verdict with their
 * counts added up, and those of looking at one store with a key found beside it.
 */
export class Limits {
  readonly #byCode = new Map<Unchecked['code'], Unchecked>();

  add(verdict: ChainVerdict): void {
    for (const unchecked of verdict.unchecked) {
      const before = this.#byCode.get(unchecked.code);
      this.#byCode.set(unchecked.code, before === undefined ? unchecked : merge(before, unchecked));
    }
  }

  list(
    { keyring, pins }: KeyTrust,
    pruned: ReadonlyMap<string, PrunedRecord>,
    coverage: Coverage,
  ): readonly Unchecked[] {
    const { path, fingerprint } = keyring.published;
    const limits: readonly Unchecked[] = [
      ...this.#byCode.values(),
      ...prunedChains(pruned),
      {
        code: 'DELETED_CHAINS',
        text:
          coverage.notExcluded.find(({ code }) => code === 'DELETED_CHAINS')?.text ??
          'that no chain was removed as a whole: what names them was not looked at',
      },
    ];
    if (pins.length > 0) return limits;
    return [
      ...limits,
      {
        code: 'KEY_NOT_PINNED',
        text: `the key was taken from ${path}: compare its fingerprint with one that you trust, ${fingerprint}`,
      },
    ];
  }
}

function prunedChains(pruned: ReadonlyMap<string, PrunedRecord>): readonly Unchecked[] {
  const chains = [...pruned.values()];
  const [newest] = chains.toSorted((a, b) => (a.at < b.at ? 1 : -1));
  if (newest === undefined) return [];
  const receipts = chains.reduce((sum, { lastSequence }) => sum + lastSequence, 0);
  const text = `${chains.length} chains with ${receipts} receipts were pruned, last on ${newest.at} by receipt ${newest.receiptId}: they were verified before, not now`;
  return [{ code: 'PRUNED', text }];
}

/** Texts that begin with a count differ in nothing else. */
function merge(one: Unchecked, other: Unchecked): Unchecked {
  const count = /^\d+/;
  const [first, second] = [count.exec(one.text), count.exec(other.text)];
  if (first === null || second === null) return one;
  const sum = Number(first[0]) + Number(second[0]);
  return { code: one.code, text: one.text.replace(count, String(sum)) };
}
