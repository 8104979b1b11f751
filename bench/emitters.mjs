// `node emitters.mjs <socket> <frame file>`: many emitters in one cheap process. Each connection
// sends a frame that was encoded beforehand, waits for its acknowledgement, and sends the next; only
// two numbers of the frame change. Reads requests as JSON lines, answers each with one.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** Stands in the frame wherever a number of its own belongs; same width as what replaces it. */
const PLACEHOLDER = '1000000000';
const FIRST_NUMBER = Number(PLACEHOLDER) + 1;
const HEADER_BYTES = 4;
const NS_PER_MS = 1e6;
const HELLO = '{"v":"1","hello":{"client":"obsigna-bench","extensions":["ack"]},"ack":0}';

const [socketPath, framePath] = process.argv.slice(2);
const template = readFileSync(framePath);
const connections = [];
let nextNumber = FIRST_NUMBER;

function offsets() {
  const found = [];
  for (
    let at = template.indexOf(PLACEHOLDER);
    at !== -1;
    at = template.indexOf(PLACEHOLDER, at + 1)
  ) {
    found.push(at);
  }
  return found;
}
const OFFSETS = offsets();

class Emitter {
  #socket;
  #frame = Buffer.from(template);
  #partial = Buffer.alloc(0);
  #onReply;
  #sentAt = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('close', () => fail('the daemon hung up'));
  }

  static open() {
    return new Promise((resolve) => {
      const socket = connect(socketPath);
      socket.once('error', (error) => fail(error.message));
      socket.once('connect', () => {
        const emitter = new Emitter(socket);
        emitter.#onReply = () => resolve(emitter);
        const frame = Buffer.alloc(HEADER_BYTES + HELLO.length);
        frame.writeUInt32BE(HELLO.length);
        frame.write(HELLO, HEADER_BYTES);
        socket.write(frame);
      });
    });
  }

  /** Sends as long as `take` says; resolves behind its last acknowledgement. */
  run(take, latenciesNs) {
    return new Promise((resolve) => {
      const step = () => {
        if (!take()) return resolve();
        const number = String(nextNumber);
        nextNumber += 1;
        for (const at of OFFSETS) this.#frame.latin1Write(number, at);
        this.#sentAt = performance.now();
        this.#socket.write(this.#frame);
      };
      this.#onReply = () => {
        latenciesNs?.push((performance.now() - this.#sentAt) * NS_PER_MS);
        step();
      };
      step();
    });
  }

  #read(chunk) {
    let bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk]);
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32BE(0);
      if (bytes.length < end) break;
      const reply = bytes.latin1Slice(HEADER_BYTES, end);
      if (!reply.includes('"ok":true')) fail(`refused: ${reply}`);
      bytes = bytes.subarray(end);
      this.#onReply();
    }
    this.#partial = bytes;
  }
}

function fail(message) {
  process.stderr.write(`emitters: ${message}\n`);
  process.exit(1);
}

async function load({ emitters, receipts, latencies }) {
  while (connections.length < emitters) connections.push(await Emitter.open());
  const latenciesNs = latencies === true ? [] : undefined;
  let left = receipts;
  const take = () => {
    left -= 1;
    return left >= 0;
  };
  const start = performance.now();
  await Promise.all(connections.slice(0, emitters).map((it) => it.run(take, latenciesNs)));
  return { wallNs: (performance.now() - start) * NS_PER_MS, latenciesNs };
}

const input = createInterface({ input: process.stdin });
input.on('close', () => process.exit(0));
for await (const line of input) {
  process.stdout.write(`${JSON.stringify(await load(JSON.parse(line)))}\n`);
}
