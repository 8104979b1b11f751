import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { CodedError } from '../../shared/errors.ts';
import type { ProxyLog } from '../proxy-log.ts';
import type { ServerLink } from '../server-link.ts';
import { readCredentials } from './credentials.ts';
import { Endpoint } from './endpoint.ts';
import type { RemoteOptions } from './remote-flags.ts';
import { RemoteServer } from './remote-server.ts';
import type { SchemaOf } from './request-headers.ts';

export interface OpenRemoteOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: ProxyLog;
  readonly schemaOf: SchemaOf;
}

/**
 * A remote server, ready for lines. Nothing is sent before the client has said something.
 *
 * @throws CodedError `CREDENTIALS_INVALID`
 */
export function openRemote(
  { url, headers: variables, headerFile, ca: caFile }: RemoteOptions,
  { env, log, schemaOf }: OpenRemoteOptions,
): ServerLink {
  const headers = readCredentials(variables, headerFile, env);
  const ca = caFile === undefined ? undefined : certificatesIn(caFile);
  if (headers.length > 0 && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    log('[WARNING] credentials leave this machine in plain HTTP; use an https: address');
  }
  const endpoint = new Endpoint({ url, ca, headers });
  return new RemoteServer({ endpoint, log, schemaOf });
}

function certificatesIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
    throw new CodedError('CREDENTIALS_INVALID', `cannot read ${file} (${code})`, { cause });
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new CodedError('CREDENTIALS_INVALID', `${file} holds no certificate in PEM`);
  }
  return text;
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
