import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { CodedError } from '../../shared/errors.ts';

/**
 * Whether a store has any receipt. A file without the table has none.
 *
 * @throws CodedError `STORE_INVALID` for what cannot be looked into: it may hold anything
 */
export function holdsReceipts(path: string): boolean {
  if (!existsSync(path)) return false;
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'receipts'").get();
    return table !== undefined && db.prepare('SELECT 1 FROM receipts LIMIT 1').get() !== undefined;
  } catch (cause) {
    throw new CodedError('STORE_INVALID', `${path}: ${(cause as Error).message}`, { cause });
  } finally {
    db?.close();
  }
}
