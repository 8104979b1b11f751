// Floors that need a process of their own, measured in the same round as what they are held
// against. Reads requests as JSON lines, answers each with one.
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const NS_PER_MS = 1e6;
const { privateKey } = generateKeyPairSync('ed25519');

/** Signs and hashes the same bytes three times, as little as a receipt can cost. */
function seal({ path, count }) {
  const bytes = readFileSync(path);
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < count; i += 1) {
    sign(null, bytes, privateKey);
    for (let n = 0; n < 3; n += 1) hash('sha256', bytes, 'hex');
  }
  const wallNs = (performance.now() - start) * NS_PER_MS;
  const { user, system } = process.cpuUsage(cpu);
  return { wallNs, cpuNs: (user + system) * 1000 };
}

/** One durable append and one signature, again and again: as little as an acknowledgement can. */
function durable({ path, text, count }) {
  const bytes = readFileSync(text);
  const page = Buffer.alloc(4096, 0x61);
  const fd = openSync(path, 'a');
  const latenciesNs = [];
  for (let i = 0; i < count; i += 1) {
    const start = performance.now();
    sign(null, bytes, privateKey);
    writeSync(fd, page);
    fdatasyncSync(fd);
    latenciesNs.push((performance.now() - start) * NS_PER_MS);
  }
  closeSync(fd);
  return { latenciesNs };
}

const KINDS = { seal, durable };

createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(KINDS[request.kind](request))}\n`);
});
