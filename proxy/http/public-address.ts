import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { firstByte, scanMembers } from '../../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';

const WELL_KNOWN = '/.well-known/';
/** What a client reads to find out how to sign in. @see RFC 9728, RFC 8414, OpenID Connect Discovery */
const DISCOVERY = [
  'oauth-protected-resource',
  'oauth-authorization-server',
  'openid-configuration',
];
const OPEN_OBJECT = 0x7b;

/** Where messages go in HTTP+SSE. */
export interface MessageAddress {
  readonly text: string;
  readonly url: string;
  readonly theirs: string;
}

/**
 * Where one server is to be found through us: the same paths, behind a prefix. Paths of discovery keep
 * `/.well-known/NAME` in front, as their readers expect it.
 */
export class PublicAddress {
  readonly #upstream: URL;
  readonly #prefix: string;
  /** Documents that the server has named, at places of its own choice. */
  readonly #named = new Map<string, string>();

  /** @param prefix - Empty, or with a slash in front and none behind. */
  constructor(upstream: URL, prefix: string) {
    this.#upstream = upstream;
    this.#prefix = prefix;
  }

  /** The path of the endpoint. */
  get endpoint(): string {
    return this.#public(this.#upstream.pathname);
  }

  /** What the server has under its root, as we have it. */
  #public(path: string): string {
    if (this.#prefix === '') return path;
    return path === '/' ? this.#prefix : this.#prefix + path;
  }

  /** The server's path for one of ours that is behind the prefix. */
  toUpstream(path: string): string {
    const rest = path.slice(this.#prefix.length);
    return rest.startsWith('/') ? rest : `/${rest}`;
  }

  /** The server's path for a discovery document; undefined for any other path. */
  discovery(path: string): string | undefined {
    const named = this.#named.get(path);
    if (named !== undefined) return named;
    const { endpoint } = this;
    for (const name of DISCOVERY) {
      const root = WELL_KNOWN + name;
      if (path === root && this.#prefix === '') return root;
      if (path === `${root}${endpoint}`) return root + slashed(this.toUpstream(endpoint));
      if (path === root + this.#prefix) return root;
      if (path === `${endpoint}${root}`) return this.#upstream.pathname + root;
    }
    return undefined;
  }

  /**
   * An address of the server as the client has to write it to come through us.
   *
   * @param origin - How the client calls us.
   * @returns undefined for an address of somebody else
   */
  addressOf(url: string, origin: string): string | undefined {
    const parsed = URL.canParse(url, this.#upstream.href)
      ? new URL(url, this.#upstream)
      : undefined;
    if (parsed?.origin !== this.#upstream.origin) return undefined;
    const { pathname, search, hash } = parsed;
    if (url === this.#upstream.origin) return origin + this.#prefix;
    return origin + this.#public(pathname) + search + hash;
  }

  /**
   * Where a server of HTTP+SSE wants messages sent to.
   *
   * @param written - As the event has it: whole, from the root, or beside the stream.
   * @param stream - Path and query that the client has asked for the stream with.
   * @returns What the client is told, the path and query it will then ask for, and the server's own
   */
  messages(written: string, stream: string, origin: string): MessageAddress | undefined {
    const base = new URL(this.toUpstream(stream), this.#upstream).href;
    const target = URL.canParse(written, base) ? new URL(written, base) : undefined;
    if (target?.origin !== this.#upstream.origin) return undefined;
    const isWhole = URL.canParse(written);
    const isFromRoot = !isWhole && written.startsWith('/');
    const theirs = target.pathname + target.search;
    const url = this.#public(target.pathname) + target.search;
    let text = isFromRoot ? this.#public(written) : written;
    if (isWhole) text = origin + url;
    // Beside the stream it may lead out of our prefix, to where another server is.
    const { pathname, search } = new URL(text, origin + stream);
    return { text: pathname + search === url ? text : url, url, theirs };
  }

  /** `WWW-Authenticate` with the address of the metadata as it is through us. */
  challenge(value: string, origin: string): string {
    return value.replace(
      /(\bresource_metadata\s*=\s*)("?)([^",\s]+)\2/gi,
      (all, name, quote, url) => {
        const ours = this.#metadata(String(url), origin);
        return ours === undefined ? all : `${name}${quote}${ours}${quote}`;
      },
    );
  }

  #metadata(url: string, origin: string): string | undefined {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed?.origin !== this.#upstream.origin) return undefined;
    const { pathname, search } = parsed;
    const root = DISCOVERY.map((name) => WELL_KNOWN + name).find((it) =>
      `${pathname}/`.startsWith(`${it}/`),
    );
    if (root === undefined) {
      const path = this.#public(pathname);
      this.#named.set(path, pathname);
      return origin + path + search;
    }
    const rest = pathname.slice(root.length);
    const path = root + (rest === '' ? this.#prefix : this.#public(rest));
    this.#named.set(path, pathname);
    return origin + path + search;
  }

  /** The metadata of a protected resource, with the address that the client has used. */
  resource(document: Buffer, origin: string): Buffer {
    const member = resourceIn(document);
    if (member === undefined) return document;
    const ours = this.addressOf(member.value, origin);
    if (ours === undefined) return document;
    const text = Buffer.from(JSON.stringify(ours));
    const { start, end } = member;
    return Buffer.concat([document.subarray(0, start), text, document.subarray(end)]);
  }
}

function slashed(path: string): string {
  return path === '/' ? '' : path;
}

/** The member `resource` of an object, where it is a text that stands once. */
function resourceIn(
  document: Buffer,
): { readonly start: number; readonly end: number; readonly value: string } | undefined {
  try {
    if (firstByte(document) !== OPEN_OBJECT) return undefined;
    const [member, second] = scanMembers(document).filter(({ name }) => name === 'resource');
    if (member === undefined || second !== undefined) return undefined;
    const { start, end } = member;
    const value = parseJson(decodeUtf8(document.subarray(start, end)));
    return typeof value === 'string' ? { start, end, value } : undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}
