import { Agent, request } from 'node:http';
import type { Way } from './upstream.ts';

const MODERN = '2026-07-28';
const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};
/** Calls in one session of an older revision. */
const CALLS_PER_SESSION = 20;
/** Longest stream, in steps. */
const MAX_STEPS = 20;

/** What its maker knows about a call. */
export interface Made {
  readonly marker: string;
  readonly way: Way | 'blocked';
  readonly saw: 'answer' | 'error' | 'nothing';
}

/** What came back for a message, as far as it came. */
export interface Heard {
  readonly text: string;
  readonly sessionId: string | undefined;
}

export interface Sending {
  readonly isModern: boolean;
  readonly sessionId: string | undefined;
  /** Of the stateless revision. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hangUpAfterMs: number | undefined;
}

/** How a client's messages travel. */
export interface Line {
  /** One session for all, which somebody has begun. */
  readonly isShared: boolean;
  readonly nextId: () => number;
  /** @param message - Undefined to end the session. */
  readonly send: (message: object | undefined, way: Sending) => Promise<Heard>;
  readonly close: () => void;
}

export interface VisitorOptions {
  readonly line: Line;
  readonly name: string;
  readonly isModern: boolean;
  readonly random: () => number;
  readonly made: (call: Made) => void;
}

/** A client that makes one call after the other, and hangs up on some of them. */
export class Visitor {
  readonly #options: VisitorOptions;
  #calls = 0;
  #sessionId: string | undefined;

  constructor(options: VisitorOptions) {
    this.#options = options;
  }

  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const { isModern, line } = this.#options;
      if (!isModern && !line.isShared && this.#calls % CALLS_PER_SESSION === 0) await this.#begin();
      this.#options.made(await this.#call());
    }
    await this.#end();
    this.#options.line.close();
  }

  async #call(): Promise<Made> {
    const { isModern, line, name, random } = this.#options;
    this.#calls += 1;
    const id = line.nextId();
    const marker = `${name}-${id}`;
    const way = wayOf(random());
    const steps = Math.ceil(random() * MAX_STEPS);
    const meta = { 'claudecode/toolUseId': marker, ...(isModern && MODERN_META) };
    const params = {
      name: way === 'blocked' ? 'blocked' : 'tool',
      arguments: { way, steps },
      _meta: meta,
    };
    const hangUpAfterMs = way === 'never' ? random() * 500 : undefined;
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params };
    const headers = {
      ...(isModern && { 'Mcp-Method': 'tools/call', 'Mcp-Name': params.name }),
    };
    const { text } = await this.#send(message, headers, hangUpAfterMs);
    const saw = text.includes('"result"')
      ? 'answer'
      : text.includes('"error"')
        ? 'error'
        : 'nothing';
    return { marker, way, saw };
  }

  async #begin(): Promise<void> {
    await this.#end();
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };
    const said = await this.#send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params });
    this.#sessionId = said.sessionId;
    await this.#send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }

  async #end(): Promise<void> {
    if (this.#sessionId !== undefined) await this.#send(undefined);
    this.#sessionId = undefined;
  }

  #send(
    message: object | undefined,
    headers: Readonly<Record<string, string>> = {},
    hangUpAfterMs?: number,
  ): Promise<Heard> {
    const { line, isModern } = this.#options;
    const sessionId = this.#sessionId;
    return line.send(message, { isModern, sessionId, headers, hangUpAfterMs });
  }
}

/** Straight to an HTTP listener. */
export function httpLine(url: string): Line {
  const agent = new Agent({ keepAlive: true });
  let calls = 0;
  return {
    isShared: false,
    nextId: () => (calls += 1),
    send: (message, sending) => post(url, agent, message, sending),
    close: () => agent.destroy(),
  };
}

function post(
  url: string,
  agent: Agent,
  message: object | undefined,
  { isModern, sessionId: known, headers: more, hangUpAfterMs }: Sending,
): Promise<Heard> {
  const headers = {
    Accept: 'application/json, text/event-stream',
    'Content-Type': 'application/json',
    'MCP-Protocol-Version': isModern ? MODERN : '2025-11-25',
    ...(known !== undefined && { 'Mcp-Session-Id': known }),
    ...more,
  };
  return new Promise((resolve) => {
    let text = '';
    let sessionId: string | undefined;
    const method = message === undefined ? 'DELETE' : 'POST';
    const sent = request(url, { method, agent, headers }, (response) => {
      sessionId = response.headers['mcp-session-id'] as string | undefined;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', () => undefined); // shows as an end without an answer
    });
    const timer =
      hangUpAfterMs === undefined ? undefined : setTimeout(() => sent.destroy(), hangUpAfterMs);
    sent.on('error', () => undefined);
    sent.once('close', () => {
      clearTimeout(timer);
      resolve({ text, sessionId });
    });
    sent.end(message === undefined ? undefined : JSON.stringify(message));
  });
}

function wayOf(roll: number): Made['way'] {
  if (roll < 0.3) return 'json';
  if (roll < 0.6) return 'events';
  if (roll < 0.85) return 'never';
  return roll < 0.95 ? 'breaks' : 'blocked';
}
