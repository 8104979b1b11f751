// `node plain-emitters.mjs <frame file>`: emitters of the plain protocol, which never hear from their
// daemon: they write frames as fast as the socket takes them. Requests are JSON lines
// `{socket, emitters, receipts}`, answered with one each when everything is written; when it has
// arrived is for the database to say.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const frame = readFileSync(process.argv[2]);
/** By socket: an emitter stays connected. */
const connections = new Map();

async function open(path) {
  const socket = connect(path);
  await once(socket, 'connect');
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('the daemon hung up'));
  socket.resume(); // a daemon that does reply must not get stuck
  return socket;
}

function fail(message) {
  process.stderr.write(`plain emitters: ${message}\n`);
  process.exit(1);
}

async function send(socket, count) {
  for (let i = 0; i < count; i += 1) if (!socket.write(frame)) await once(socket, 'drain');
}

async function load({ socket, emitters, receipts }) {
  const sockets = connections.get(socket) ?? [];
  connections.set(socket, sockets);
  while (sockets.length < emitters) sockets.push(await open(socket));
  const each = receipts / emitters;
  await Promise.all(sockets.slice(0, emitters).map((it) => send(it, each)));
  return { sent: receipts };
}

const input = createInterface({ input: process.stdin });
input.on('close', () => process.exit(0));
for await (const line of input) {
  process.stdout.write(`${JSON.stringify(await load(JSON.parse(line)))}\n`);
}
