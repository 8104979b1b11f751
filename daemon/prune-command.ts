import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { parsePublicKeyPem } from '../shared/crypto/public-key.ts';
import type { VerifyKey } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { isTimestamp } from '../shared/wire/timestamp.ts';
import type { DaemonConfig } from './config.ts';
import { loadSigningKey } from './keys/key-files.ts';
import { loadLibC } from './native/libc.ts';
import { acquireLock } from './native/lock.ts';
import { loginReader } from './native/users.ts';
import { pruneStore, type PruneReport } from './prune.ts';
import { openStore } from './store/receipt-store.ts';

const UMASK = 0o027;

/**
 * `-prune-before`: with the daemon stopped, under its lock.
 *
 * @throws CodedError `USAGE`, `STORE_MISSING`, `DAEMON_RUNNING`, and as the start of a daemon
 */
export async function runPrune(
  config: DaemonConfig,
  before: string,
  dryRun: boolean,
): Promise<PruneReport & { readonly compacted: boolean }> {
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(before) ? `${before}T00:00:00Z` : before;
  if (!isTimestamp(moment)) {
    const what = `prune-before is ${JSON.stringify(before)}, expected a date or an RFC 3339 time`;
    throw new CodedError('USAGE', what);
  }
  if (!existsSync(config.db)) {
    throw new CodedError('STORE_MISSING', `no receipt store at ${config.db}`);
  }
  const signer = loadSigningKey(config.key);
  const libc = await loadLibC();
  process.umask(UMASK);
  const { store, lock } = openStore(config.db, () => acquireLock(libc, `${config.db}.lock`));
  try {
    const own = nodeSuite.verifyKey(signer.publicKey);
    const report = pruneStore({
      store,
      signer,
      identity: { issuerId: config.issuerId, verificationMethod: config.verificationMethod },
      keys: [own, ...archivedKeys(config.publicKey)],
      chainId: config.chainId,
      principalId: `did:user:${loginReader(libc)(process.getuid?.() ?? 0) ?? 'unknown'}`,
      before: moment,
      dryRun,
      now: () => new Date(),
    });
    const compacted = report.receipts.length > 0 && store.compact();
    return { ...report, compacted };
  } finally {
    store.close();
    lock.release();
  }
}

/** Keys that chains from before a rotation begin with. One that cannot be read verifies nothing. */
function archivedKeys(publicKey: string): readonly VerifyKey[] {
  const folder = dirname(publicKey);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => name.startsWith(`${basename(publicKey)}.rotated-`))
    .flatMap((name) => {
      try {
        return [nodeSuite.verifyKey(parsePublicKeyPem(readFileSync(join(folder, name), 'utf8')))];
      } catch {
        return [];
      }
    });
}
