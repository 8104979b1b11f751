import { CodedError } from '../../shared/errors.ts';
import { parseFlags, readFlagEnvironment, type FlagSpec } from '../../shared/flags.ts';
import type { HttpAddress } from '../approvals/http-door.ts';
import { PROXY_FLAGS, readAddress, readApprovals, type Approvals } from '../options.ts';

const { version: _, rules, name, http, ...SHARED } = PROXY_FLAGS;

export const DEFAULT_LISTEN = '127.0.0.1:4100';

export const HTTP_FLAGS = {
  upstream: {
    type: 'string',
    placeholder: 'URL',
    describe: "the server's MCP endpoint, such as https://host/mcp",
  },
  config: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'several servers in one process, YAML; instead of -upstream',
  },
  listen: {
    type: 'string',
    placeholder: 'ADDR',
    describe: 'where clients connect to',
    default: DEFAULT_LISTEN,
  },
  name: { ...name, default: 'host of the server' },
  rules,
  ca: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'trust these certificate authorities as well, PEM',
  },
  public: {
    type: 'string',
    placeholder: 'ORIGIN',
    describe: 'how clients call us where TLS stands in front, such as https://proxy.example',
  },
  'allow-host': {
    type: 'list',
    placeholder: 'NAME,...',
    describe: 'further names that clients may call us by',
  },
  'allow-origin': {
    type: 'list',
    placeholder: 'ORIGIN,...',
    describe: 'web pages that may use us, such as http://localhost:6274',
  },
  'allow-remote': {
    type: 'boolean',
    describe: 'listen beyond this machine, in plain HTTP; needs -token-file',
    default: false,
  },
  'token-file': {
    type: 'string',
    placeholder: 'FILE',
    describe: 'clients have to send the token in this file',
  },
  http,
  ...SHARED,
  // Who started us is not who calls: nothing is detected here.
  'issuer-name': { ...SHARED['issuer-name'], default: 'none' },
  'operator-id': { ...SHARED['operator-id'], default: 'none' },
  'operator-name': { ...SHARED['operator-name'], default: 'none' },
} as const satisfies FlagSpec;

type Values = ReturnType<typeof parseFlags<typeof HTTP_FLAGS>>['flags'];

/** One server, as the command line or the configuration file names it. */
export interface UpstreamSettings {
  readonly name: string;
  /** The operator gave the name. */
  readonly isNamed: boolean;
  readonly url: URL;
  /** In front of the server's own path; empty, or with a slash in front and none behind. */
  readonly prefix: string;
  /** Path of the rules file; undefined for the built-in rules. */
  readonly rules: string | undefined;
  /** Path of a file with certificates. */
  readonly ca: string | undefined;
}

/** Where and for whom we listen. */
export interface ListenSettings {
  readonly listen: HttpAddress;
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  /** How clients call us, where that is not as we hear it: `https://proxy.example`. */
  readonly publicOrigin: string | undefined;
  readonly isRemote: boolean;
  readonly tokenFile: string | undefined;
}

export interface HttpSettings extends ListenSettings {
  readonly upstreams: readonly UpstreamSettings[];
}

export interface HttpOptions {
  readonly help: boolean;
  readonly values: Values;
  readonly approvals: Approvals;
}

/** @throws CodedError `USAGE` */
export function readHttpOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): HttpOptions {
  const { flags, positionals, help } = parseFlags(HTTP_FLAGS, args);
  const fromEnvironment = readFlagEnvironment(HTTP_FLAGS, env);
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  const values = { ...fromEnvironment, ...(Object.fromEntries(given) as Partial<Values>) };
  if (!help) check(values, positionals);
  return { help, values, approvals: readApprovals(flags) };
}

function check(values: Values, [word]: readonly string[]): void {
  if (word !== undefined) throw usage(`unexpected argument ${JSON.stringify(word)}`);
  const { config, upstream } = values;
  if ((config === undefined) === (upstream === undefined))
    throw usage('give either -upstream URL or -config FILE');
  const beside = [
    'listen',
    'name',
    'rules',
    'ca',
    'public',
    'allow-host',
    'allow-origin',
    'allow-remote',
  ];
  const twice = [...beside, 'token-file'].find(
    (flag) => config !== undefined && values[flag as keyof Values] !== undefined,
  );
  if (twice !== undefined) throw usage(`-${twice} stands in the file that -config names`);
  if (values['require-receipt'] === true && values.socket === '')
    throw usage('-require-receipt needs a daemon, and -socket is empty');
  if ((values['operator-name'] ?? '') !== '' && (values['operator-id'] ?? '') === '')
    throw usage('-operator-name needs -operator-id');
}

/** What the command line says about one server. @throws CodedError `USAGE` */
export function settingsOfFlags(values: Values): HttpSettings {
  const url = readUpstream(values.upstream ?? '');
  if (typeof url === 'string') throw usage(`-upstream: ${url}`);
  const settings: HttpSettings = {
    listen: readAddress('listen', values.listen ?? DEFAULT_LISTEN),
    hosts: (values['allow-host'] ?? []).map((it) => it.toLowerCase()),
    origins: (values['allow-origin'] ?? []).map((it) => it.toLowerCase()),
    publicOrigin: values.public,
    isRemote: values['allow-remote'] === true,
    tokenFile: values['token-file'],
    upstreams: [
      {
        name: values.name ?? url.hostname,
        isNamed: values.name !== undefined,
        url,
        prefix: '',
        rules: values.rules,
        ca: values.ca,
      },
    ],
  };
  const fault = listenFault(settings);
  if (fault !== undefined) throw usage(fault);
  return settings;
}

/** Why a listener cannot be opened to whom it would be open; undefined when it can. */
export function listenFault({
  listen,
  isRemote,
  tokenFile,
  publicOrigin,
}: ListenSettings): string | undefined {
  if (publicOrigin !== undefined && !isOrigin(publicOrigin))
    return `${JSON.stringify(publicOrigin)} (public) is no origin such as https://proxy.example`;
  if (isLoopback(listen.host)) return undefined;
  const where = `${listen.host} can be reached from other machines`;
  if (!isRemote) return `${where}; -allow-remote (allow_remote) says that it shall`;
  return tokenFile === undefined ? `${where}, and needs -token-file (token_file)` : undefined;
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** The address of an endpoint, or what is wrong with it. */
export function readUpstream(text: string): URL | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return `${JSON.stringify(text)} is no address that begins with https:// or http://`;
  if (url.username !== '' || url.password !== '')
    return 'credentials in an address are shown and logged; let the client send them';
  return url.hash === '' ? url : 'an address of a server has no fragment';
}

function usage(message: string): CodedError {
  return new CodedError('USAGE', message);
}
