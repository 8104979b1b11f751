import type { RawHeaders } from '../http/headers.ts';
import type { ClientLine } from './client-line.ts';

/** What a server of an older revision remembers us by. */
export class RemoteSession {
  /** A secret: never logged. */
  id: string | undefined;
  /** The version that both have settled on. */
  version: string | undefined;
  /** Where messages go on HTTP+SSE; undefined on any other way. */
  oldPath: string | undefined;
  /** The client's own words that began it: they can begin another one. */
  initialize: ClientLine | undefined;
  initialized: ClientLine | undefined;
  /** The server has ended it, and no other has begun. */
  isOver = false;

  /** What goes with every request in it. */
  headers(): RawHeaders {
    return [
      ...(this.id === undefined ? [] : ['Mcp-Session-Id', this.id]),
      ...(this.version === undefined ? [] : ['MCP-Protocol-Version', this.version]),
    ];
  }

  /** @param id - As the server gave it. Anything but visible ASCII is none. */
  named(id: string | undefined): void {
    this.id = id !== undefined && /^[\x21-\x7e]+$/.test(id) ? id : undefined;
  }

  /** The same beginning, for another session. */
  again(): RemoteSession {
    const next = new RemoteSession();
    next.initialize = this.initialize;
    next.initialized = this.initialized;
    return next;
  }
}
