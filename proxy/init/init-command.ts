import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../shared/errors.ts';
import { parseFlags, renderFlags, type FlagSpec } from '../../shared/flags.ts';
import { defaultPaths } from '../../shared/paths.ts';
import { shellQuote } from '../../shared/shell-quote.ts';
import { orUsage } from '../command-line.ts';
import { STARTER_RULES } from '../../policy/starter-rules.ts';

const FLAGS = {
  name: { type: 'string', placeholder: 'NAME', describe: "server's name", default: 'default' },
  rules: {
    type: 'string',
    placeholder: 'FILE',
    describe: 'rules file to write',
    default: 'rules.yaml in the data directory',
  },
  'http-port': {
    type: 'integer',
    placeholder: 'N',
    describe: 'let the proxy listen here for answers to paused calls',
  },
  'no-approval': { type: 'boolean', describe: 'no listener for answers: write -http none' },
} as const satisfies FlagSpec;

const HELP = `Usage: mcp-proxy init [flags] [-- <server command> [args...]]

Writes a rules file to start from, unless there is one, and prints the entry for a client's
configuration on standard output. Nothing that exists is changed.

Flags:
${renderFlags(FLAGS)}
Exit status: 0; 1 when something cannot be written; 2 for a wrong command line.
`;

/** What files of one user are: theirs. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
const PLACEHOLDERS = ['YOUR_MCP_SERVER_COMMAND', 'AND_ITS_ARGS'];

/** `mcp-proxy init`. */
export function run(args: readonly string[]): Promise<number> {
  return orUsage(HELP, async () => {
    const { flags, positionals, help } = parseFlags(FLAGS, args);
    if (help) {
      process.stdout.write(HELP);
      return 0;
    }
    const { name = 'default', 'http-port': port } = flags;
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      throw new CodedError('USAGE', `-name ${JSON.stringify(name)}: 1 to 64 of A-Z a-z 0-9 . _ -`);
    }
    if (port !== undefined && (port < 1 || port > 65535)) {
      throw new CodedError('USAGE', `-http-port ${port}: 1 to 65535`);
    }
    if (port !== undefined && flags['no-approval'] === true) {
      throw new CodedError('USAGE', '-http-port and -no-approval exclude each other');
    }
    const rules = resolve(flags.rules ?? defaultRulesPath());
    writeStarter(rules);
    const http = port === undefined ? 'none' : `127.0.0.1:${port}`;
    const asked = port !== undefined || flags['no-approval'] === true ? ['-http', http] : [];
    const command = positionals.length > 0 ? positionals : PLACEHOLDERS;
    const entry = {
      args: ['-name', name, '-rules', rules, ...asked, '--', ...command],
      command: resolve(process.argv[1] ?? 'mcp-proxy'),
    };
    process.stdout.write(`${JSON.stringify({ mcpServers: { [name]: entry } }, undefined, 2)}\n`);
    hint('put this into the configuration of the client, in place of the server as it was');
    if (positionals.length === 0) hint(`write your server for ${PLACEHOLDERS.join(' ')}`);
    hint(`check it: mcp-proxy doctor ${shellQuote(entry.args)}`);
    return 0;
  });
}

function defaultRulesPath(): string {
  const { env, platform } = process;
  const { dataDir } = defaultPaths({ env, platform, home: homedir() });
  if (dataDir === '') throw new CodedError('USAGE', 'no home directory: say where with -rules');
  return join(dataDir, 'rules.yaml');
}

/** A file that somebody has written stays as it is: it may be the policy in force. */
function writeStarter(path: string): void {
  const folder = dirname(path);
  try {
    if (!existsSync(folder)) {
      mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
      chmodSync(folder, PRIVATE_FOLDER); // whatever the umask took away
      hint(`made ${folder}, mode 0700`);
    }
    writeFileSync(path, STARTER_RULES, { flag: 'wx', mode: PRIVATE_FILE });
    hint(`wrote ${path}, mode 0600`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
      hint(`${path} exists and stays as it is`);
      return;
    }
    throw new CodedError('STARTER_NOT_WRITTEN', `cannot write ${path} (${code})`, { cause: error });
  }
}

function hint(text: string): void {
  process.stderr.write(`mcp-proxy: ${text}\n`);
}
