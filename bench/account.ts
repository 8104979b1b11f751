import { storeFigures, type BenchDaemon } from './daemon.ts';
import { settle } from './proc.ts';
import { CallLine, type StdioPath } from './stdio-path.ts';

/**
 * Sees to it that every call through these proxies is in the record: a proxy that lost its reports
 * would be faster for no good. One more call is made first, because it tells of drops before it.
 *
 * @param proxies - Everybody who has made calls since `before`
 * @returns What the row has to admit: calls of these proxies that were counted and not reported
 */
export async function accountFor(
  daemon: BenchDaemon,
  proxies: readonly StdioPath[],
  before: { readonly calls: number; readonly dropped: number },
): Promise<string | undefined> {
  for (const proxy of proxies) await proxy.call(new CallLine(16));
  await settle(...proxies.map(({ pid }) => pid), daemon.child.pid);
  const made = proxies.reduce((sum, { calls }) => sum + calls, 0);
  const now = storeFigures(daemon.db);
  const calls = now.calls - before.calls;
  const dropped = now.dropped - before.dropped;
  if (calls + dropped !== made) {
    const found = `${calls} have a receipt, ${dropped} are counted as dropped`;
    throw new Error(`${made} calls were made, ${found}`);
  }
  if (dropped === 0) return undefined;
  const share = ((dropped / made) * 100).toFixed(1);
  return `${dropped} of ${made} calls (${share} %) were dropped and counted, not reported`;
}
