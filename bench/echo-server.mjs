// The MCP server behind every stdio row: `read_<bytes>` is answered with that much text and with the
// length of the line that asked, `read_<bytes>_chatty_<n>` says n notifications first. Looks at the
// first bytes of a line only and keeps its answers ready, so that it is never what a row measures; a
// line that another proxy has written anew is parsed.
import { answerTail, NOTIFICATION } from './echo-answer.mjs';

const NEWLINE = 0x0a;
const HEAD_BYTES = 160;
const ANSWERS_KEPT = 64;

const tails = new Map();

function tailOf(bytes, received) {
  const key = `${bytes} ${received}`;
  let tail = tails.get(key);
  if (tail === undefined) {
    tail = answerTail(bytes, received);
    if (tails.size >= ANSWERS_KEPT) tails.clear();
    tails.set(key, tail);
  }
  return tail;
}

const TOOL = { description: 'Reads', inputSchema: { type: 'object' } };
const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: protocolVersion ?? '2025-06-18',
    capabilities: { tools: {}, logging: {} },
    serverInfo: { name: 'echo', version: '1.0.0' },
  }),
  'tools/list': () => ({
    tools: [16, 1024, 102_400, 5_242_880].map((bytes) => ({ name: `read_${bytes}`, ...TOOL })),
  }),
};

let head = '';
let parts = [];

function answer() {
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  const id = /^\{"jsonrpc":"2\.0","id":(\d+)/.exec(head)?.[1];
  const name = /"name":"(read_[^"]*)"/.exec(head)?.[1];
  if (id !== undefined && name !== undefined) answerCall(id, name, bytes);
  else answerParsed(JSON.parse(Buffer.concat(parts).toString()), bytes);
  head = '';
  parts = [];
}

function answerCall(id, name, received) {
  const [, bytes, notifications] = /^read_(\d+)(?:_chatty_(\d+))?$/.exec(name) ?? [];
  for (let i = 0; i < Number(notifications ?? 0); i += 1) process.stdout.write(NOTIFICATION);
  process.stdout.write(`{"jsonrpc":"2.0","id":${id}`, 'latin1');
  process.stdout.write(tailOf(Number(bytes ?? 0), received));
}

function answerParsed({ id, method, params }, received) {
  if (id === undefined || method === undefined) return;
  if (method === 'tools/call') return answerCall(JSON.stringify(id), params.name, received);
  const result = RESULTS[method]?.(params ?? {}) ?? {};
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
}

process.stdin.on('data', (chunk) => {
  process.stdout.cork();
  let start = 0;
  while (start < chunk.length) {
    const newline = chunk.indexOf(NEWLINE, start);
    const end = newline === -1 ? chunk.length : newline + 1;
    if (head.length < HEAD_BYTES) {
      head += chunk.latin1Slice(start, Math.min(end, start + HEAD_BYTES - head.length));
    }
    parts.push(chunk.subarray(start, end));
    if (newline !== -1) answer();
    start = end;
  }
  process.stdout.uncork();
});
process.stdin.on('end', () => process.exit(0));
