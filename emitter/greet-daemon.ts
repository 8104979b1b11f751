import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import type { Greeting } from '../shared/health/daemon-checks.ts';
import type { JsonObject } from '../shared/json/value.ts';
import { VERSION } from '../shared/version.ts';
import { encodeFrame, FrameDecoder } from '../shared/wire/frame.ts';
import { parseReply } from '../shared/wire/reply.ts';

const CONNECT_MS = 200;
const REPLY_MS = 500;

/** Connects, greets, and hangs up. Nothing that is sent here becomes a receipt. */
export function greetDaemon(path: string): Promise<Greeting> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const decoder = new FrameDecoder();
    let isConnected = false;
    const settle = (greeting: Greeting) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeting);
    };
    const giveUp = (code: string) =>
      settle(isConnected ? { state: 'plain' } : { state: 'unreachable', code });
    let timer = setTimeout(() => giveUp('no answer'), CONNECT_MS);
    socket.on('error', (error: NodeJS.ErrnoException) => giveUp(error.code ?? error.message));
    socket.once('close', () => giveUp('hung up'));
    socket.once('connect', () => {
      isConnected = true;
      clearTimeout(timer);
      timer = setTimeout(() => giveUp('no answer'), REPLY_MS);
      const hello = { client: 'obsigna-doctor', version: VERSION, extensions: ['ack'] };
      socket.write(encodeFrame([Buffer.from(JSON.stringify({ v: '1', hello, ack: 0 }))]));
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk, (body) => {
          const reply = parseReply(body.toString());
          settle(reply.ok ? greetingOf(reply.hello) : { state: 'plain' });
        });
      } catch {
        giveUp('not a reply'); // it took the connection and says something else
      }
    });
  });
}

function greetingOf(hello: JsonObject | undefined): Greeting {
  const { version, extensions } = hello ?? {};
  const names = Array.isArray(extensions) ? extensions : [];
  return {
    state: 'greeted',
    version: typeof version === 'string' ? version : 'unknown',
    extensions: names.filter((it): it is string => typeof it === 'string'),
  };
}
