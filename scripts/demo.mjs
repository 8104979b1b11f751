// `npm run demo`: real tool calls, decided, receipted, verified; then one byte of the record is
// changed and the verifier says where. Everything lives in a temporary folder and ends by itself.
import './node-version.mjs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import Database from 'better-sqlite3';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const program = (name) => join(ROOT, 'dist', `${name}.cjs`);
const SERVER = require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js');

const RULES = `rules:
  - name: note_writes
    description: Writing is allowed, and noted
    tool_pattern: "write_*"
    action: flag
  - name: ask_before_edits
    description: A person decides about edits
    tool_pattern: "edit_*"
    action: pause
  - name: nothing_moves
    description: Files stay where they are
    tool_pattern: "move_*"
    action: block
`;

const home = realpathSync(mkdtempSync(join(tmpdir(), 'obsigna demo ')));
const runtime = join(home, 'run');
const files = join(home, 'files');
const rules = join(home, 'rules.yaml');
const db = join(home, 'data', 'receipts.db');
const env = {
  ...process.env,
  XDG_RUNTIME_DIR: runtime,
  XDG_DATA_HOME: join(home, 'xdg'),
  AGENTRECEIPTS_SOCKET: join(runtime, 'agentreceipts', 'events.sock'),
  AGENTRECEIPTS_DB: db,
  AGENTRECEIPTS_KEY: join(home, 'data', 'signing.key'),
};
for (const name of ['AGENTRECEIPTS_PUBLIC_KEY', 'AGENTRECEIPTS_CHAIN_ID', 'AGENTRECEIPTS_CONFIG']) {
  delete env[name];
}

const children = new Set();
let unexpected = 0;

try {
  await main();
} catch (error) {
  unexpected += 1;
  process.stderr.write(`\nThe demo could not go on: ${error.stack}\n`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
}
process.exitCode = unexpected === 0 ? 0 : 1;

async function main() {
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(files);
  writeFileSync(join(files, 'notes.txt'), 'Ask before you delete.\n');
  writeFileSync(rules, RULES);

  title('1. A key and a daemon');
  await show('obsigna-daemon', ['-init'], 0);
  const daemon = await startDaemon();

  title('2. An agent calls tools of a real MCP server, through mcp-proxy with these rules');
  print(RULES.trimEnd().replaceAll(/^/gm, '    '));
  print('');
  await callTools();

  title('3. What the record says');
  await show('obsigna', ['receipt', 'list'], 0);
  await show('obsigna', ['receipt', 'show', '5'], 0);

  title('4. The daemon stops, and anyone with the public key checks the record');
  daemon.kill('SIGTERM');
  await once(daemon, 'exit');
  await show('obsigna', ['receipt', 'verify'], 0);

  title('5. Somebody changes one byte in a copy of the database');
  const copy = join(home, 'data', 'tampered.db');
  copyFileSync(db, copy);
  changeOneByte(copy);
  await show('obsigna', ['receipt', 'verify', '-db', copy], 1);

  print(
    unexpected === 0
      ? 'Everything went as the rules say. Nothing is left running, and the temporary folder is gone.'
      : `${unexpected} steps did not go as expected.`,
  );
}

async function startDaemon() {
  const child = spawn(process.execPath, [program('obsigna-daemon')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  for (let tries = 0; tries < 400 && child.exitCode === null; tries += 1) {
    if (existsSync(env.AGENTRECEIPTS_SOCKET) && log.includes('listening on')) {
      print(indent(log));
      return child;
    }
    await sleep(25);
  }
  throw new Error(`the daemon did not start:\n${log}`);
}

async function callTools() {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      program('mcp-proxy'),
      '-name',
      'files',
      '-rules',
      rules,
      '-approve',
      'none',
      '--',
      process.execPath,
      SERVER,
      files,
    ],
    env,
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk) => (stderr += chunk));
  const client = new Client({ name: 'obsigna-demo', version: '1.0.0' });
  await client.connect(transport);
  const { tools } = await client.listTools();
  print(`  The server offers ${tools.length} tools. The agent tries:`);
  print('');
  const path = (name) => join(files, name);
  await attempt(client, 'passes', 'read_text_file', { path: path('notes.txt') }, 'answered');
  await attempt(
    client,
    'is flagged',
    'write_file',
    { path: path('plan.txt'), content: 'one' },
    'answered',
  );
  await attempt(
    client,
    'fails in the tool',
    'read_text_file',
    { path: '/etc/hostname' },
    'tool error',
  );
  const edits = [{ oldText: 'Ask', newText: 'Never ask' }];
  await attempt(
    client,
    'pauses, nobody is there',
    'edit_file',
    { path: path('notes.txt'), edits },
    -32003,
  );
  const move = { source: path('notes.txt'), destination: path('gone.txt') };
  await attempt(client, 'is blocked', 'move_file', move, -32001);
  const isThere = existsSync(path('notes.txt')) && !existsSync(path('gone.txt'));
  expect(
    isThere && readFileSync(path('notes.txt'), 'utf8').startsWith('Ask'),
    'notes.txt is as it was',
  );
  print(
    `  notes.txt is ${isThere ? 'still there and unchanged: the server never saw the two calls.' : 'GONE'}`,
  );
  await client.close();
  const own = stderr
    .split('\n')
    .filter((line) => / mcp-proxy: (FLAGGED|BLOCKED|PAUSED|DENIED)/.test(line));
  print(`\n  The proxy's own log of it:\n${indent(own.join('\n'))}`);
}

/** One call; prints what the agent saw and checks it against what the rules promise. */
async function attempt(client, what, name, args, expected) {
  let seen;
  let words;
  try {
    const result = await client.callTool({ name, arguments: args });
    seen = result.isError === true ? 'tool error' : 'answered';
    words = result.content?.[0]?.text?.trim().split('\n')[0] ?? '';
  } catch (error) {
    seen = error.code;
    words = error.message;
  }
  expect(seen === expected, `${name}: ${seen}, expected ${expected}`);
  const shortened = words.replaceAll(home, '…').slice(0, 96);
  print(`  ${name.padEnd(15)} ${what.padEnd(24)} ${String(seen).padEnd(10)} ${shortened}`);
}

/** Turns one hex digit of the hash of what was written into another: the text stays well-formed. */
function changeOneByte(path) {
  const store = new Database(path);
  const row = store
    .prepare(
      "SELECT id, sequence, receipt_json AS text FROM receipts WHERE tool_name = 'write_file'",
    )
    .get();
  const marker = '"parameters_hash":"sha256:';
  const at = row.text.indexOf(marker) + marker.length;
  const before = row.text[at];
  const after = before === '0' ? '1' : '0';
  const text = row.text.slice(0, at) + after + row.text.slice(at + 1);
  store.prepare('UPDATE receipts SET receipt_json = ? WHERE id = ?').run(text, row.id);
  store.close();
  print(
    `  In receipt ${row.sequence}, write_file, offset ${at}: "${before}" becomes "${after}".\n`,
  );
}

/** Runs one of our programs as a user would type it, shows what it says, checks how it ends. */
async function show(name, args, expectedCode) {
  print(`  $ ${name} ${args.join(' ').replaceAll(home, '…')}`);
  const child = spawn(process.execPath, [program(name), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  children.delete(child);
  print(indent(output));
  expect(code === expectedCode, `${name} ended with ${code}, expected ${expectedCode}`);
}

function expect(isTrue, what) {
  if (isTrue) return;
  unexpected += 1;
  print(`  UNEXPECTED: ${what}`);
}

function title(text) {
  print(`\n${text}\n${'='.repeat(text.length)}\n`);
}

function indent(text) {
  return `${text.trimEnd().replaceAll(home, '…').replaceAll(/^/gm, '    ')}\n`;
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
