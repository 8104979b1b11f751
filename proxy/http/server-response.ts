import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { CodedError } from '../../shared/errors.ts';
import { endToEnd, valuesOf, withValue, type RawHeaders } from './headers.ts';
import type { PublicAddress } from './public-address.ts';

/** The response of a server, as far as it concerns the client. */
export interface ServerResponse {
  readonly status: number;
  readonly reason: string;
  /** What goes on to the client. */
  readonly headers: RawHeaders;
  /** What a client takes the body for. */
  readonly type: 'events' | 'json' | 'other';
  readonly body: Readable;
  /** A session that it has begun. */
  readonly sessionId: string | undefined;
}

/**
 * Reads the head of a response, with the addresses in it as they are through us. A body that is
 * packed, though nobody asked for it, is unpacked: what we could not read we could not record.
 *
 * @param origin - How the client calls us.
 * @throws CodedError `UPSTREAM_UNREADABLE`
 */
export function readResponse(
  response: IncomingMessage,
  address: PublicAddress,
  origin: string,
): ServerResponse {
  const { rawHeaders, statusCode = 502, statusMessage = '' } = response;
  const unpacked = unpack(response);
  const dropped = unpacked === response ? [] : ['content-encoding', 'content-length'];
  const location = withValue(
    endToEnd(rawHeaders, dropped),
    'location',
    (value) => address.addressOf(value, origin) ?? value,
  );
  return {
    status: statusCode,
    reason: statusMessage,
    headers: withValue(location, 'www-authenticate', (it) => address.challenge(it, origin)),
    type: typeOf(rawHeaders),
    body: unpacked,
    sessionId: valuesOf(rawHeaders, 'mcp-session-id')[0],
  };
}

/** As clients look at it, who take any value that holds one of these, and the stream first. */
function typeOf(headers: RawHeaders): ServerResponse['type'] {
  const said = valuesOf(headers, 'content-type').join(',').toLowerCase();
  if (said.includes('text/event-stream')) return 'events';
  return said.includes('application/json') ? 'json' : 'other';
}

const UNPACKERS: Readonly<Record<string, () => Readable & NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** @throws CodedError `UPSTREAM_UNREADABLE` */
export function unpack(response: IncomingMessage): Readable {
  const encoding = valuesOf(response.rawHeaders, 'content-encoding').join(',').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return response;
  const unpacker = UNPACKERS[encoding]?.();
  if (unpacker === undefined) {
    response.destroy();
    throw new CodedError('UPSTREAM_UNREADABLE', `the server's response is encoded as ${encoding}`);
  }
  response.once('error', (error) => unpacker.destroy(error));
  response.once('close', () => {
    if (!response.complete) unpacker.destroy();
  });
  return response.pipe(unpacker);
}
