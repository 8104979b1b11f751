import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { filledStore, type FilledStore } from '../daemon.ts';
import type { Lab } from '../lab.ts';

/**
 * The large store of the reading rows: the folder in `OBSIGNA_BENCH_STORE`, which `bench/history.ts -- --store`
 * has filled, or one that is filled now.
 */
export function largeStore(lab: Lab): Promise<FilledStore> {
  const { OBSIGNA_BENCH_STORE: folder = '' } = process.env;
  if (folder === '') return filledStore(lab, lab.size(20_000, 200_000));
  return lab.shared('kept store', () => Promise.resolve(keptStore(folder)));
}

/** A store that an earlier run has left behind, closed. */
export function keptStore(folder: string): FilledStore {
  const [db, publicKey] = [join(folder, 'receipts.db'), join(folder, 'signing.key.pub')];
  if (!existsSync(db)) throw new Error(`no receipts.db in ${folder}`);
  const store = new Database(db, { readonly: true });
  const receipts = Number(store.prepare('SELECT count(*) FROM receipts').pluck().get());
  store.close();
  return { db, publicKey, receipts, rssAfterFirstMb: Number.NaN, rssAfterAllMb: Number.NaN };
}
