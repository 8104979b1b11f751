import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { LineSplitter } from '../../proxy/lines.ts';
import type { Line } from './visitor.ts';

const MAX_LINE_BYTES = 1024 * 1024;
const NOTHING = { text: '', sessionId: undefined };

interface Answer {
  readonly id?: number;
  readonly method?: string;
}

/** All clients on the standard input and output of one proxy; to hang up is to cancel there. */
export function stdioLine(input: Writable, output: Readable): Line {
  const waiting = new Map<number, (text: string) => void>();
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  const line = (bytes: Buffer) => {
    const { id, method } = JSON.parse(bytes.toString()) as Answer;
    if (id === undefined || method !== undefined) return;
    waiting.get(id)?.(bytes.toString());
    waiting.delete(id);
  };
  output.on('data', (chunk: Buffer) => splitter.push(chunk, { line, tooLong: () => undefined }));
  const write = (message: object) => void input.write(`${JSON.stringify(message)}\n`);
  let calls = 0;
  return {
    isShared: true,
    nextId: () => (calls += 1),
    send: async (message, { hangUpAfterMs }) => {
      const { id } = (message ?? {}) as Answer;
      if (message === undefined || id === undefined) return NOTHING;
      write(message);
      if (hangUpAfterMs === undefined) {
        const text = await new Promise<string>((resolve) => void waiting.set(id, resolve));
        return { text, sessionId: undefined };
      }
      await pause(hangUpAfterMs);
      write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
      return NOTHING;
    },
    close: () => undefined,
  };
}
