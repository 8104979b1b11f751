import type { Format } from '../config-text/node.ts';

/** How one client writes down how a server is started. */
export type EntryForm =
  /** `command` and `args`; most clients. */
  | 'standard'
  /** `command` is the whole list of words: opencode. */
  | 'argv'
  /** `cmd` and `args`, and servers that run inside the client: goose. */
  | 'goose'
  /** `command` and `args`, or a `command` that holds `path` and `args`: Zed. */
  | 'zed'
  /** A list of entries that name themselves: Continue. */
  | 'named-list';

export type Scope = 'user' | 'project' | 'managed';

/** One place in which a client looks for servers. */
export interface ClientFile {
  readonly scope: Scope;
  /**
   * `~/` is the home directory, `./` the project, `/` the machine. `${NAME:-~/x}` is a folder that a
   * variable can name; `*` in a folder's or a file's name stands for anything.
   */
  readonly path: string;
  /** As `process.platform`; on every one without it. */
  readonly platform?: 'linux' | 'darwin';
  readonly format: Format;
  /** Where in the file the servers are; `*` is any name. */
  readonly servers: readonly (readonly string[])[];
  readonly form?: EntryForm;
  /**
   * Variables in headers and addresses are not, or not for all that is known, put in as they are in the
   * environment and the arguments of a process.
   */
  readonly headersDiffer?: true;
}

/** How a client writes a remote server down. */
export interface RemoteForm {
  /** The member with the address. */
  readonly url: string;
  readonly type?: string;
  /** The member with the headers; without it they stand somewhere that `wrap` leaves. */
  readonly headers?: string;
}

/** A program that starts MCP servers. */
export interface Client {
  /** What `-client` takes. */
  readonly id: string;
  readonly name: string;
  readonly files: readonly ClientFile[];
  /** Without it it knows none in its files. */
  readonly remote?: RemoteForm;
  /** What has to happen before a change counts. */
  readonly reload: string;
  /** What the client asks about again once an entry has changed. */
  readonly consent?: string;
  /** Servers of this client that stand in none of the files. */
  readonly elsewhere: readonly string[];
  /** What is worth knowing beside that. */
  readonly notes?: readonly string[];
  /** Whose description of the files this follows. */
  readonly source: string;
}
