/**
 * How the entry of a remote server was written, in `-was` among the arguments of the proxy: names of members and
 * of variables, never a value of a header, because everybody on the machine can read a command line. ADR 0028.
 */
export interface RemoteNote {
  /** The member that had the address: `url`. */
  readonly url: string;
  /** What stood in `type`. */
  readonly type?: string | undefined;
  /** The member that had the headers. */
  readonly headers?: string | undefined;
  /** The member, empty, whose place the arguments have taken. */
  readonly args?: string | undefined;
  /** How that was written, where it was not `{}`. */
  readonly empty?: string | undefined;
  /** The environment that was there before the address went into it. */
  readonly env?: string | undefined;
  /** Headers with names of variables, as they were written. */
  readonly variables?: string | undefined;
}

const NAMES = ['url', 'type', 'headers', 'args', 'empty', 'env', 'variables'] as const;

/** `url=serverUrl,type=http`: nothing in it means anything to a shell, because some clients use one. */
export function writeNote(note: RemoteNote): string {
  return NAMES.flatMap((name) => {
    const value = note[name];
    return value === undefined ? [] : [`${name}=${escaped(value)}`];
  }).join();
}

function escaped(text: string): string {
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*~]/g, hex);
}

/** Undefined where it does not name the member of the address: somebody else has written it. */
export function readNote(text: string): RemoteNote | undefined {
  const fields = new URLSearchParams(text.replaceAll('+', '%2B').replaceAll(',', '&'));
  const url = fields.get('url');
  if (url === null) return undefined;
  const others = NAMES.map((name) => [name, fields.get(name) ?? undefined] as const);
  return { ...Object.fromEntries(others), url };
}
