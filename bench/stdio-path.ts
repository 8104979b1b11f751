import { once } from 'node:events';
import { endInput, type Lab, type PipedChild } from './lab.ts';
import type { BenchDaemon } from './daemon.ts';

const NEWLINE = 0x0a;
/** Ids of one width, so that the next one is written over the last without building a new line. */
const FIRST_ID = 10_000_000;

const PHRASE = 'const value = readLine();\\nprint(\\"ok\\", value); // and then the next line\\n';

/** One way from a client to the echo server: direct, through the copier, or through the proxy. */
export class StdioPath {
  readonly child: PipedChild;
  #onLine: () => void = () => undefined;
  #nextId = FIRST_ID;
  /** Tool calls made so far. */
  calls = 0;

  constructor(child: PipedChild) {
    this.child = child;
    child.stdout.on('data', (chunk: Buffer) => this.#count(chunk));
    child.stdin.on('error', () => undefined); // shows in the exit
  }

  get pid(): number {
    return this.child.pid;
  }

  /** One call that asks for as much as it sends; resolves when the last byte of the answer is here. */
  async call(line: CallLine): Promise<number> {
    const start = process.hrtime.bigint();
    const answered = new Promise<void>((resolve) => (this.#onLine = resolve));
    this.#send(line);
    await answered;
    return Number(process.hrtime.bigint() - start);
  }

  /** `count` calls with as many open at once as there are lines; returns nanoseconds. */
  async pump(lines: readonly CallLine[], count: number): Promise<number> {
    const start = process.hrtime.bigint();
    await new Promise<void>((resolve) => {
      let sent = 0;
      let answered = 0;
      const send = () => {
        // Answers come in order: the line that is due for reuse has been read by the server.
        const line = lines[sent % lines.length] as CallLine;
        sent += 1;
        this.#send(line);
      };
      this.#onLine = () => {
        answered += 1;
        if (answered === count) resolve();
        else if (sent < count) send();
      };
      while (sent < Math.min(lines.length, count)) send();
    });
    return Number(process.hrtime.bigint() - start);
  }

  async end(): Promise<void> {
    await endInput(this.child);
  }

  #send(line: CallLine): void {
    this.child.stdin.write(line.withId(this.#nextId));
    this.#nextId += 1;
    this.calls += 1;
  }

  #count(chunk: Buffer): void {
    let at = chunk.indexOf(NEWLINE);
    while (at !== -1) {
      this.#onLine();
      at = chunk.indexOf(NEWLINE, at + 1);
    }
  }
}

/** A tool call of a given size, encoded once. */
export class CallLine {
  readonly #bytes: Buffer;
  readonly #idAt: number;

  constructor(size: number) {
    const text = PHRASE.repeat(Math.ceil(size / PHRASE.length));
    const head = `{"jsonrpc":"2.0","id":${FIRST_ID},"method":"tools/call","params":{"name":"read_${size}"`;
    this.#bytes = Buffer.from(
      `${head},"arguments":{"path":"/srv/project/notes.txt","content":"${text}"}}}\n`,
    );
    this.#idAt = head.indexOf(String(FIRST_ID));
  }

  /** The same buffer every time: only for a caller whose last use of it has been answered. */
  withId(id: number): Buffer {
    this.#bytes.write(String(id), this.#idAt, 'latin1');
    return this.#bytes;
  }
}

export const KB = 1024;
export const MB = 1024 * 1024;

export type PathKind = 'direct' | 'copier' | 'proxy';

/** Starts a path and waits for its first answer, so that no start-up is in any figure. */
export async function openPath(
  lab: Lab,
  kind: PathKind,
  daemon: BenchDaemon | undefined,
): Promise<StdioPath> {
  const server = lab.script('echo-server.mjs');
  const path = new StdioPath(lab.spawnPiped(commandOf(lab, kind, server, daemon)));
  const died = once(path.child, 'exit').then(() => {
    throw new Error(`the ${kind} path ended before its first answer`);
  });
  await Promise.race([path.call(new CallLine(16)), died]);
  died.catch(() => undefined); // its later end is expected
  return path;
}

function commandOf(lab: Lab, kind: PathKind, server: string, daemon: BenchDaemon | undefined) {
  const behind = [process.execPath, server];
  switch (kind) {
    case 'direct':
      return [server];
    case 'copier':
      return [lab.script('copier.mjs'), ...behind];
    case 'proxy': {
      const socket = daemon?.socket ?? '';
      const flags = ['-name', 'files', '-pins', lab.folder, '-socket', socket, '--'];
      return [...lab.program('mcp-proxy'), ...flags, ...behind];
    }
  }
}
