// The MCP server behind every stdio row: `read_<bytes>` is answered with that much text, anything
// else with an empty result. Looks at the first bytes of a line only and keeps its answers ready,
// so that it is never what a row measures.
const NEWLINE = 0x0a;
const HEAD_BYTES = 160;
const PHRASE = 'The quick brown fox said \\"jump\\" over a lazy dog.\\nAnd so on, line by line. ';

const tails = new Map();

function tailOf(bytes) {
  let tail = tails.get(bytes);
  if (tail === undefined) {
    const text = PHRASE.repeat(Math.ceil(bytes / PHRASE.length));
    const result = `{"content":[{"type":"text","text":"${text}"}],"isError":false}`;
    tail = Buffer.from(`,"result":${bytes === 0 ? '{}' : result}}\n`);
    tails.set(bytes, tail);
  }
  return tail;
}

let head = '';

function answer() {
  const id = /"id":(\d+)/.exec(head)?.[1];
  const bytes = Number(/"name":"read_(\d+)"/.exec(head)?.[1] ?? 0);
  head = '';
  if (id === undefined) return;
  process.stdout.write(`{"jsonrpc":"2.0","id":${id}`, 'latin1');
  process.stdout.write(tailOf(bytes));
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
    if (newline !== -1) answer();
    start = end;
  }
  process.stdout.uncork();
});
process.stdin.on('end', () => process.exit(0));
