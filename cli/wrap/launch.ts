import { basename } from 'node:path';

/** What a client runs to have a server of ours in front of another: all of it, or the part before `--`. */
export interface GovernedLaunch {
  /** Path of the proxy as it is written. */
  readonly proxy: string;
  /** The Node that it is run with, where one is named. */
  readonly node?: string;
  /** The rules file, where one is named. */
  readonly rules?: string | undefined;
  /** How many words stand in front of the server's own command; 0 where it is a remote one. */
  readonly ownWords: number;
  /** `-name=N` in one word is how `wrap` remembers that an entry had no `args`. ADR 0028. */
  readonly hadNoArgs: boolean;
  /** How the entry of a remote server was written, as `wrap` left it in `-was`. */
  readonly was?: string;
}

const PROXIES = new Set(['mcp-proxy', 'obsigna-mcp']);
const NODE = /^node(?:js)?(?:-?\d+)?$/;

/**
 * Recognises our proxy by its name and by what stands behind it, wherever it lies: other programs are
 * called mcp-proxy too, and none of them has `-name` and `--`, or `-name` and `-url`.
 *
 * @param words - Command and arguments, as they are written.
 */
export function readGovernedLaunch(words: readonly string[]): GovernedLaunch | undefined {
  const isNode = NODE.test(basename(words[0] ?? ''));
  const at = isNode ? 1 : 0;
  const proxy = words[at];
  if (proxy === undefined || !PROXIES.has(basename(proxy).replace(/\.[cm]?js$/, ''))) {
    return undefined;
  }
  const dashes = words.indexOf('--', at + 1);
  const own = words.slice(at + 1, dashes === -1 ? undefined : dashes);
  const name = own.findIndex((word) => /^--?name(?:=|$)/.test(word));
  if (name === -1) return undefined;
  const isRemote = dashes === -1 && own.some((word) => /^--?url(?:-env)?(?:=|$)/.test(word));
  if (!isRemote && (dashes === -1 || dashes + 1 >= words.length)) return undefined;
  const rules = valueOf(own, 'rules');
  const was = isRemote ? valueOf(own, 'was') : undefined;
  return {
    proxy,
    ...(isNode && words[0] !== undefined && { node: words[0] }),
    ...(rules !== undefined && { rules }),
    ownWords: isRemote ? 0 : dashes + 1,
    hadNoArgs: (own[name] ?? '').includes('='),
    ...(was !== undefined && { was }),
  };
}

/** Whether `unwrap` can undo it; an entry with `-url` alone was written by hand. */
export function isWrapped(as: GovernedLaunch): boolean {
  return as.ownWords > 0 || as.was !== undefined;
}

function valueOf(words: readonly string[], flag: string): string | undefined {
  for (const [i, word] of words.entries()) {
    const [, attached] = new RegExp(`^--?${flag}(?:=(.*))?$`).exec(word) ?? [];
    if (attached !== undefined) return attached;
    if (word === `-${flag}` || word === `--${flag}`) return words[i + 1];
  }
  return undefined;
}

/** How the proxy is run: a program, or Node and a script. Absolute paths. */
export interface ProxyCommand {
  readonly program: string;
  readonly script?: string;
  readonly rules?: string;
  /** Named where the proxy would not find it in what clients leave of the environment. */
  readonly socket?: string;
}

/** Everything in front of the server's own command. */
export function ownWords(
  { program, script, rules, socket }: ProxyCommand,
  name: string,
  hadNoArgs: boolean,
): readonly [program: string, ...args: string[]] {
  return [program, ...flagsOf({ script, rules, socket }, name, hadNoArgs), '--'];
}

/** Everything that starts the proxy for a remote server; the address, or its variable, stands in `flags`. */
export function remoteWords(
  { program, script, rules, socket }: ProxyCommand,
  name: string,
  flags: readonly string[],
): readonly [program: string, ...args: string[]] {
  return [program, ...flagsOf({ script, rules, socket }, name, false), ...flags];
}

type Flags = { readonly [K in 'script' | 'rules' | 'socket']: string | undefined };

function flagsOf({ script, rules, socket }: Flags, name: string, hadNoArgs: boolean): string[] {
  return [
    ...(script === undefined ? [] : [script]),
    ...(hadNoArgs ? [`-name=${name}`] : ['-name', name]),
    ...(rules === undefined ? [] : ['-rules', rules]),
    ...(socket === undefined ? [] : ['-socket', socket]),
  ];
}
