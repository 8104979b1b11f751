import { CodedError } from '../../shared/errors.ts';
import type { FlagSpec } from '../../shared/flags.ts';
import type { HeaderVariable } from './credentials.ts';

export const REMOTE_FLAGS = {
  url: {
    type: 'string',
    placeholder: 'URL',
    describe: 'a remote server, in place of a server command',
  },
  'url-env': {
    type: 'string',
    placeholder: 'VARIABLE',
    describe: 'as -url, by the variable that has the address: for one that holds a credential',
  },
  'header-env': {
    type: 'list',
    placeholder: 'NAME=VARIABLE',
    describe: 'with -url: a header, and the variable that has its value',
  },
  'bearer-env': {
    type: 'string',
    placeholder: 'VARIABLE',
    describe: 'with -url: the variable that has the token of `Authorization: Bearer`',
  },
  'header-file': {
    type: 'string',
    placeholder: 'FILE',
    describe: 'with -url: lines `Name: value`, readable by their owner only',
  },
  ca: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'with -url: certificates to trust beside the usual ones, PEM',
  },
  was: {
    type: 'string',
    placeholder: 'TEXT',
    describe: 'with -url: a note of `obsigna wrap` for `obsigna unwrap`; changes nothing',
  },
} as const satisfies FlagSpec;

const FLAGS_OF_URL = ['header-env', 'bearer-env', 'header-file', 'ca', 'was'] as const;

/** A server that is reached by HTTP, as the command line names it. */
export interface RemoteOptions {
  readonly url: URL;
  /** The variable that the address comes from: no part of it but the origin is for others. */
  readonly urlVariable?: string;
  readonly headers: readonly HeaderVariable[];
  readonly headerFile: string | undefined;
  readonly ca: string | undefined;
}

interface Values {
  readonly url?: string | undefined;
  readonly 'url-env'?: string | undefined;
  readonly 'header-env'?: readonly string[] | undefined;
  readonly 'bearer-env'?: string | undefined;
  readonly 'header-file'?: string | undefined;
  readonly ca?: string | undefined;
  readonly was?: string | undefined;
}

/**
 * @param hasCommand - A server command stands on the line as well.
 * @returns undefined without `-url` and `-url-env`
 * @throws CodedError `USAGE`; `CREDENTIALS_INVALID` where the variable has no address
 */
export function readRemote(
  values: Values,
  hasCommand: boolean,
  env: Readonly<Record<string, string | undefined>>,
): RemoteOptions | undefined {
  const { url, ca, 'header-env': pairs = [], 'header-file': headerFile } = values;
  const { 'url-env': urlVariable } = values;
  if (url === undefined && urlVariable === undefined) {
    const [lone] = FLAGS_OF_URL.filter((name) => values[name] !== undefined);
    if (lone !== undefined) throw usage(`-${lone} needs -url`);
    return undefined;
  }
  if (url !== undefined && urlVariable !== undefined) throw usage('give -url or -url-env');
  if (hasCommand) throw usage('a server command stands behind -url; give one of them');
  const headers = [...pairs.map(variableOf), ...bearerOf(values['bearer-env'])];
  const others = { headers, headerFile, ca };
  if (urlVariable === undefined) return { url: urlOf(url ?? ''), ...others };
  return { url: urlIn(urlVariable, env), urlVariable, ...others };
}

/** A server as the command line names it. */
export interface Launched {
  readonly remote: RemoteOptions | undefined;
  readonly command: string;
  readonly args: readonly string[];
}

/** What says which server it is; empty for none. The rest of an address may hold credentials. */
export function launchOf({ remote, command, args }: Launched): readonly string[] {
  if (remote?.urlVariable !== undefined) return ['-url-env', remote.url.origin];
  if (remote !== undefined) return ['-url', `${remote.url.origin}${remote.url.pathname}`];
  return command === '' ? [] : [command, ...args];
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usage('-url: expected an address such as https://example.org/mcp');
  }
  if (url.username !== '' || url.password !== '') {
    throw usage('-url has credentials in it, which everybody sees; use -header-file');
  }
  url.hash = '';
  return url;
}

/** No message quotes the address: somebody has hidden it. */
function urlIn(variable: string, env: Readonly<Record<string, string | undefined>>): URL {
  const text = env[variable] ?? '';
  if (text === '') throw invalid(`the variable ${variable} is not set`);
  try {
    return urlOf(text);
  } catch {
    throw invalid(`the variable ${variable} has no address of http: or https: without a password`);
  }
}

function variableOf(pair: string): HeaderVariable {
  const equals = pair.indexOf('=');
  if (equals < 1 || !/^\w+$/.test(pair.slice(equals + 1))) {
    throw usage('-header-env: expected NAME=VARIABLE, such as Authorization=MCP_AUTHORIZATION');
  }
  return { name: pair.slice(0, equals), variable: pair.slice(equals + 1) };
}

function bearerOf(variable: string | undefined): readonly HeaderVariable[] {
  if (variable === undefined) return [];
  if (!/^\w+$/.test(variable)) {
    throw usage('-bearer-env: expected the name of a variable, such as MCP_TOKEN');
  }
  return [{ name: 'Authorization', variable, scheme: 'Bearer ' }];
}

function usage(message: string): CodedError {
  return new CodedError('USAGE', message);
}

function invalid(message: string): CodedError {
  return new CodedError('CREDENTIALS_INVALID', message);
}
