import { hash, randomUUID } from 'node:crypto';
import { Emitter } from '../../emitter/emitter.ts';
import { greetDaemon } from '../../emitter/greet-daemon.ts';
import { jsonText, type Acknowledgement } from '../../emitter/report.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { surveyText, type Survey } from './survey.ts';

const TIMEOUT_MS = 10_000;
/** A receipt names that many; its hash covers all of them. */
const MAX_NAMED = 100;

/** The survey as JSON: what `status -json` prints, and what the hash in a receipt is of. */
export function surveyJson(it: Survey): JsonObject {
  return {
    governed: it.governed,
    configured: it.configured,
    servers: it.servers.map(({ clients, scope, path, line, server, standing, reason }) => ({
      clients: [...clients],
      scope,
      path,
      line,
      server,
      standing,
      reason,
    })),
    files: it.files.map(({ path, scope, content }) => ({
      path,
      scope,
      ...(content instanceof CodedError
        ? { error: content.code }
        : { digest: `sha256:${hash('sha256', content.found.bytes, 'hex')}` }),
    })),
  };
}

/**
 * Makes the survey a receipt: how many of how many, and those that are not governed, in words that are
 * signed; the whole of it by its hash.
 *
 * @throws CodedError `DAEMON_UNREACHABLE`, or the code that the daemon refused it with
 */
export async function signSurvey(it: Survey, socketPath: string): Promise<Acknowledgement> {
  const greeting = socketPath === '' ? undefined : await greetDaemon(socketPath);
  if (greeting === undefined || greeting.state === 'unreachable') {
    const message = `nobody answers at ${socketPath || 'any socket'}`;
    throw new CodedError('DAEMON_UNREACHABLE', message);
  }
  const emitter = new Emitter({ socketPath, sessionId: `status-${randomUUID()}` });
  const others = it.servers.filter(({ standing }) => !['governed', 'disabled'].includes(standing));
  const named = others.slice(0, MAX_NAMED).map(({ clients, server, standing }) => {
    return { client: clients.join(','), server, standing };
  });
  try {
    return await emitter.emitConfirmed(
      {
        channel: 'obsigna',
        tool: { name: 'status' },
        actionType: 'obsigna.servers.surveyed',
        decision: 'allowed',
        input: jsonText(surveyJson(it)),
        decisionContext: {
          statement: surveyText(it),
          governed: it.governed,
          configured: it.configured,
          unread_files: it.unread.length,
          not_governed: named,
        },
      },
      TIMEOUT_MS,
    );
  } finally {
    await emitter.close(0);
  }
}
