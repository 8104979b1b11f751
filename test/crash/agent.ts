import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

const PROXY = join(process.cwd(), 'dist/mcp-proxy.cjs');
const SERVER = join(process.cwd(), 'test/fixtures/mcp-crash-server.mjs');

/** Calls that an agent has on their way. */
const WINDOW = 8;
/** Between two calls. */
const THINK_MS = 20;
/** An agent that gets no answer goes on: the call stays open in its proxy. */
const PATIENCE_MS = 400;

/** One call as its agent knows it. */
export interface Call {
  readonly marker: string;
  readonly isRequired: boolean;
  readonly sentMs: number;
  /** Which start of the agent's proxy it went to. */
  readonly life: Life;
  end: 'answered' | 'refused' | 'unanswered' | undefined;
}

/** One start of a proxy. */
export interface Life {
  endedMs: number | undefined;
}

export interface AgentOptions {
  readonly name: string;
  readonly calls: number;
  /** Whether its proxy waits for the journal before a call may go. */
  readonly isRequired: boolean;
  readonly socket: string;
  readonly notes: string;
  readonly random: () => number;
  readonly onSettled: () => void;
  /** Resolves when another call may be made: kills and calls keep step with each other. */
  readonly turn: () => Promise<void>;
}

type Proxy = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * One agent: keeps calls on their way through its proxy until it has made its share, and starts the
 * proxy again when it dies, as an agent host does.
 */
export class Agent {
  readonly calls: Call[] = [];
  readonly #options: AgentOptions;
  #proxy: Proxy | undefined;
  #life: Life = { endedMs: undefined };
  #serverPid: number | undefined;
  #exited: Promise<void> = Promise.resolve();
  readonly #waiting = new Map<number, (end: NonNullable<Call['end']>) => void>();
  #nextId = 1;
  #isLeaving = false;
  #stderr = '';

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** What its proxies said last, for a fault that has to be explained. */
  get stderr(): string {
    return this.#stderr.slice(-4000);
  }

  /** Makes all its calls. */
  async work(): Promise<void> {
    const open = new Set<Promise<void>>();
    this.#start();
    for (let n = 0; n < this.#options.calls; n += 1) {
      const settled = this.#call(n).finally(() => open.delete(settled));
      open.add(settled);
      if (open.size >= WINDOW) await Promise.race(open);
      await pause(this.#options.random() * THINK_MS);
      await this.#options.turn();
    }
    await Promise.all(open);
  }

  /** Ends the session in order and waits for the proxy's exit. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.#proxy?.stdin.end();
    await this.#exited;
  }

  /** @returns false where there is nothing to kill just now */
  kill(victim: 'proxy' | 'server'): boolean {
    const proxy = this.#proxy;
    if (proxy === undefined) return false;
    if (victim === 'proxy') return proxy.kill('SIGKILL');
    if (this.#serverPid === undefined) return false;
    process.kill(this.#serverPid, 'SIGKILL');
    this.#serverPid = undefined;
    return true;
  }

  async #call(n: number): Promise<void> {
    const { name, random, isRequired, onSettled } = this.#options;
    const id = this.#nextId;
    this.#nextId += 1;
    const marker = `${name}-${n}`;
    const life = this.#life;
    const call: Call = { marker, isRequired, sentMs: performance.now(), life, end: undefined };
    this.calls.push(call);
    const args = {
      marker,
      delayMs: random() < 0.3 ? 0 : random() * 20,
      answers: random() > 0.01,
      fails: random() < 0.1,
    };
    const meta = { 'claudecode/toolUseId': marker };
    const params = { name: 'act', arguments: args, _meta: meta };
    const ended = new Promise<NonNullable<Call['end']>>((resolve) =>
      this.#waiting.set(id, resolve),
    );
    this.#write({ jsonrpc: '2.0', id, method: 'tools/call', params });
    const isCancelled = random() < 0.02;
    if (isCancelled) {
      await pause(random() * 5);
      const cancel = { requestId: id, reason: 'changed its mind' };
      if (life === this.#life) {
        this.#write({ jsonrpc: '2.0', method: 'notifications/cancelled', params: cancel });
      }
    }
    // Behind the deadline of a proxy that waits for a receipt, which answers in any case.
    const isAnswered = isRequired && args.answers && !isCancelled;
    const patienceMs = isAnswered ? 20_000 : PATIENCE_MS;
    const timer = setTimeout(() => this.#settle(id, 'unanswered'), patienceMs);
    call.end = await ended;
    clearTimeout(timer);
    onSettled();
  }

  #write(message: object): void {
    this.#proxy?.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #settle(id: number, end: NonNullable<Call['end']>): void {
    this.#waiting.get(id)?.(end);
    this.#waiting.delete(id);
  }

  #start(): void {
    const { socket, notes, isRequired } = this.#options;
    const flags = [
      '-name',
      'crash',
      '-pins',
      '',
      '-socket',
      socket,
      ...(isRequired ? ['-require-receipt'] : []),
    ];
    const command = [PROXY, ...flags, '--', process.execPath, SERVER, notes];
    const life: Life = { endedMs: undefined };
    const proxy = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#life = life;
    this.#proxy = proxy;
    this.#serverPid = undefined;
    proxy.stdin.on('error', () => undefined);
    proxy.stderr.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-20_000);
    });
    let rest = '';
    proxy.stdout.on('data', (text: Buffer) => {
      const lines = (rest + text.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#onLine(line);
    });
    this.#exited = new Promise((resolve) => {
      proxy.once('close', () => {
        life.endedMs = performance.now();
        this.#proxy = undefined;
        for (const id of this.#waiting.keys()) this.#settle(id, 'unanswered');
        if (!this.#isLeaving) this.#start();
        resolve();
      });
    });
  }

  #onLine(line: string): void {
    const { id, error, method, params } = JSON.parse(line) as {
      readonly id?: number;
      readonly error?: object;
      readonly method?: string;
      readonly params?: { readonly data?: { readonly pid?: number } };
    };
    if (method === 'notifications/message') this.#serverPid = params?.data?.pid;
    if (id !== undefined) this.#settle(id, error === undefined ? 'answered' : 'refused');
  }
}
