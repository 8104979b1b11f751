import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { parse as parseToml } from 'smol-toml';

export interface PackOptions {
  /** The checkout. */
  readonly root: string;
  /**
   * Compile the SQLite driver as an installation does. Otherwise that of the checkout is put in its
   * place, which spares a minute.
   */
  readonly compile: boolean;
  readonly say: (line: string) => void;
}

export interface PackResult {
  /** From the start of `npm install` to a verified receipt. */
  readonly seconds: number;
  readonly tarballBytes: number;
  readonly installedBytes: number;
  /** Names of everything that is in the package. */
  readonly packed: readonly string[];
  /** Tools of the receipts that were verified. */
  readonly tools: readonly string[];
}

const CLAUDE = `{
  "mcpServers": {
    "every": { "command": "node", "args": ["SERVER", "stdio"] }
  }
}
`;
const CODEX = `# my servers
model = "gpt"

[mcp_servers.every]
command = "node" # from the package
args = ["SERVER", "stdio"]
`;

/**
 * What a new user does: packs, installs into a prefix with a space in it, sets up, wraps, lets a real
 * client make a call through the command that stands in its configuration, verifies, unwraps.
 *
 * @throws Error with what a program said, at the first step that goes wrong
 */
export async function firstReceipt({ root, compile, say }: PackOptions): Promise<PackResult> {
  const base = mkdtempSync(join(tmpdir(), 'obsigna pack '));
  chmodSync(base, 0o755);
  const [prefix, home] = [join(base, 'a prefix'), join(base, 'new home')];
  const runtime = join(base, 'run');
  for (const folder of [prefix, home, runtime]) mkdirSync(folder, { mode: 0o700 });
  // Nothing else of this shell; the runtime directory is what a login would have set.
  const env = {
    PATH: `${join(prefix, 'bin')}:${process.env['PATH']}`,
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
  };
  const obsigna = (...args: string[]) => run(join(prefix, 'bin/obsigna'), args, { cwd: home, env });
  try {
    const tarball = pack(root, base);
    say(`packed ${tarball.name}: ${kilobytes(tarball.bytes)}, ${tarball.files.length} files`);
    const startedAt = performance.now();
    await install(tarball.path, { prefix, root, compile });
    say(`installed: ${kilobytes(sizeOf(prefix))} with what it needs`);
    say(obsigna('init', '-no-service'));
    const configs = writeConfigs(home, root);
    say(obsigna('wrap'));
    const calls = configs.map(({ path, read }) =>
      callThrough(read(readFileSync(path, 'utf8')), home),
    );
    await Promise.all(calls);
    const tools = await verified(obsigna, calls.length);
    const seconds = (performance.now() - startedAt) / 1000;
    obsigna('unwrap');
    for (const { path, text } of configs) {
      if (readFileSync(path, 'utf8') !== text) throw new Error(`${path} is not what it was`);
    }
    return {
      seconds,
      tarballBytes: tarball.bytes,
      installedBytes: sizeOf(prefix),
      packed: tarball.files,
      tools,
    };
  } finally {
    const program = join(prefix, 'bin/obsigna');
    if (existsSync(program)) spawnSync(program, ['daemon', 'stop'], { env, cwd: home });
    rmSync(base, { recursive: true, force: true });
  }
}

function pack(root: string, into: string) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into];
  const [packed] = JSON.parse(run('npm', args, { cwd: root, env: process.env })) as {
    filename: string;
    size: number;
    files: { path: string }[];
  }[];
  if (packed === undefined) throw new Error('npm packed nothing');
  return {
    name: packed.filename,
    path: join(into, packed.filename),
    bytes: packed.size,
    files: packed.files.map(({ path }) => path),
  };
}

interface Target {
  readonly prefix: string;
  readonly root: string;
  readonly compile: boolean;
}

async function install(tarball: string, { prefix, root, compile }: Target): Promise<void> {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const scripts = compile ? [] : ['--ignore-scripts'];
  const args = ['install', '--global', '--prefix', prefix, ...quiet, ...scripts, tarball];
  const child = spawn('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`npm install ended with ${code}`);
  if (compile) return;
  const driver = 'node_modules/better-sqlite3/build';
  const to = join(prefix, 'lib/node_modules/obsigna', driver);
  cpSync(join(root, driver), to, { recursive: true });
}

interface Launch {
  readonly command: string;
  readonly args: string[];
}

interface Config {
  readonly path: string;
  readonly text: string;
  readonly read: (text: string) => Launch;
}

function writeConfigs(home: string, root: string): readonly Config[] {
  const server = join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
  type Servers = Readonly<Record<string, { readonly every: Launch }>>;
  const configs = [
    {
      path: join(home, '.claude.json'),
      text: CLAUDE,
      read: (text: string) => (JSON.parse(text) as Servers)['mcpServers']?.every as Launch,
    },
    {
      path: join(home, '.codex/config.toml'),
      text: CODEX,
      read: (text: string) =>
        (parseToml(text) as unknown as Servers)['mcp_servers']?.every as Launch,
    },
  ].map((config) => ({ ...config, text: config.text.replace('SERVER', server) }));
  mkdirSync(join(home, '.codex'));
  for (const { path, text } of configs) writeFileSync(path, text);
  return configs;
}

/** As a client of the protocol authors' SDK starts a server: with six variables and no more. */
async function callThrough({ command, args }: Launch, home: string): Promise<void> {
  if (!args.includes('--')) throw new Error(`not wrapped: ${command} ${args.join(' ')}`);
  const client = new Client({ name: 'first-receipt', version: '1' });
  const env = { HOME: home };
  await client.connect(new StdioClientTransport({ command, args, env, stderr: 'ignore' }));
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
  await client.close();
  if (!JSON.stringify(content).includes('Echo: hello')) {
    throw new Error(`not the answer of the server: ${JSON.stringify(content)}`);
  }
}

/** Of a command that takes a tenth of a second. */
const ATTEMPTS = 100;

/** The receipts of calls, once all are there and the record verifies. */
async function verified(
  obsigna: (...args: string[]) => string,
  count: number,
): Promise<readonly string[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const receipts = JSON.parse(obsigna('receipt', 'list', '-json')) as {
      credentialSubject: { action: { tool_name?: string } };
    }[];
    const tools = receipts.flatMap(({ credentialSubject: { action } }) => action.tool_name ?? []);
    if (tools.filter((name) => name === 'echo').length === count) {
      obsigna('receipt', 'verify');
      return tools;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the calls have no receipts: ${obsigna('receipt', 'list')}`);
}

interface Surroundings {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

function run(program: string, args: readonly string[], { cwd, env }: Surroundings): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  if (status === 0) return stdout;
  const why = error?.message ?? `exit code ${status}\n${stdout}${stderr}`;
  throw new Error(`${program} ${args.join(' ')}: ${why}`);
}

function sizeOf(folder: string): number {
  const { stdout } = spawnSync('du', ['-sk', folder], { encoding: 'utf8' });
  return readdirSync(folder).length === 0 ? 0 : Number(stdout.split('\t')[0]) * 1024;
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}
