import { Emitter, type EmitterNotice } from '../emitter/emitter.ts';
import type { GovernedServer } from './governed-server.ts';
import type { AgentHost } from './host.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import type { ProxyLog } from './proxy-log.ts';
import { settingsText } from './rules-file.ts';

/** Reports still on their way when the server has ended get this long; clients kill after 2 s. */
export const FAREWELL_MS = 1500;

/** From now on the file decides, whenever it changes. Loaded only for whoever has one. */
export async function followRules(
  file: string | undefined,
  governor: Pick<GovernedServer, 'adopt'>,
  current: PolicyInForce,
  log: ProxyLog,
): Promise<void> {
  if (file === undefined) return;
  const beside = settingsText(current.rules.settings);
  if (beside !== '') log(`[INFO] policy: beside the rules: ${beside}`);
  const { RulesWatch } = await import('./rules-watch.ts');
  const watch = new RulesWatch({ file, current, log, adopt: (policy) => governor.adopt(policy) });
  // What was written between our reading and our watching.
  void watch.look();
}

/** Connects with `start`, or with the first report. */
export function openEmitter(
  socketPath: string,
  sessionId: string,
  model: string | undefined,
  host: AgentHost,
  log: ProxyLog,
): Emitter {
  return new Emitter({
    socketPath,
    sessionId,
    payloadsAreScanned: true,
    ...host.identity,
    issuerModel: model,
    onNotice: noticeLog(log),
  });
}

/** One line when something goes wrong and one when it is right again, not one per call. */
function noticeLog(log: ProxyLog): (notice: EmitterNotice) => void {
  let isDropping = false;
  return (notice) => {
    if (notice.kind === 'connected') {
      isDropping = false;
      log('emitter: daemon is back, reports are delivered');
      return;
    }
    const { message, remedy, code } = notice.error;
    if (notice.kind === 'dropped') {
      if (isDropping) return;
      isDropping = true;
    }
    log(`emitter: ${message}; ${remedy} [${code}]`);
  };
}
