import { storeFigures, type BenchDaemon } from './daemon.ts';
import { settle } from './proc.ts';
import { CallLine, type StdioPath } from './stdio-path.ts';

/**
 * Sees to it that every call through a proxy is in the record: a proxy that lost its reports would
 * be faster for no good. One more call is made first, because it tells of drops before it.
 *
 * @returns What the row has to admit: calls of this proxy that were counted and not reported
 */
export async function accountFor(
  daemon: BenchDaemon,
  proxy: StdioPath,
  before: { readonly calls: number; readonly dropped: number },
): Promise<string | undefined> {
  await proxy.call(new CallLine(16));
  await settle(proxy.pid, daemon.child.pid);
  const now = storeFigures(daemon.db);
  const calls = now.calls - before.calls;
  const dropped = now.dropped - before.dropped;
  if (calls + dropped !== proxy.calls) {
    const found = `${calls} have a receipt, ${dropped} are counted as dropped`;
    throw new Error(`${proxy.calls} calls were made, ${found}`);
  }
  if (dropped === 0) return undefined;
  const share = ((dropped / proxy.calls) * 100).toFixed(1);
  return `${dropped} of ${proxy.calls} calls (${share} %) were dropped and counted, not reported`;
}
