import type { IncomingMessage } from 'node:http';
import { CodedError, type ErrorCode } from '../../shared/errors.ts';
import { mediaType, valuesOf } from '../http/headers.ts';
import { printable } from '../proxy-log.ts';

/** Why a request gets no answer of the server. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The server did not get it, or would not have it. Otherwise nobody knows whether it ran. */
  readonly isKnown: boolean;
}

export const SESSION_ENDED: Failure = {
  code: 'SERVER_SESSION_ENDED',
  message: 'the server has ended the session, and the request did not run',
  isKnown: true,
};

export const STREAM_ENDED: Failure = lost('the server ended its response without an answer');

/** Nobody knows what became of it. */
export function lost(why: string): Failure {
  return { code: 'SERVER_ANSWER_LOST', message: why, isKnown: false };
}

/** The exchange failed below HTTP. @param hasLeft - There was a connection. */
export function brokenOff(fault: unknown, hasLeft: boolean): Failure {
  const { message } = fault as Error;
  if (hasLeft) return lost(message);
  const code = fault instanceof CodedError ? fault.code : 'UPSTREAM_UNREACHABLE';
  return { code, message, isKnown: true };
}

/** A response that is no answer, by its head. */
export function refusedBy({ statusCode = 0, statusMessage, rawHeaders }: IncomingMessage): Failure {
  const status = `${statusCode} ${printable(statusMessage ?? '')}`.trim();
  const challenge = valuesOf(rawHeaders, 'www-authenticate').length > 0;
  if (statusCode === 401 || (statusCode === 403 && challenge)) {
    const message = `the server wants a sign-in (${status})`;
    return { code: 'SIGN_IN_NEEDED', message, isKnown: true };
  }
  if (statusCode >= 300 && statusCode < 400) {
    const [location = 'nowhere'] = valuesOf(rawHeaders, 'location');
    const message = `the server sends us on to ${printable(location.split('?')[0] ?? '')} (${status})`;
    return { code: 'SERVER_REFUSED', message, isKnown: true };
  }
  if (statusCode >= 400 && statusCode < 500 && statusCode !== 408) {
    return { code: 'SERVER_REFUSED', message: `the server answered ${status}`, isKnown: true };
  }
  if (statusCode >= 200 && statusCode < 300) {
    const type = printable(mediaType(rawHeaders));
    return lost(`the server answered ${status} with ${type === '' ? 'nothing' : type}, not MCP`);
  }
  return lost(`the server answered ${status}`);
}
