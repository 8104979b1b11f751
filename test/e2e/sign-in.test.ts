import { join } from 'node:path';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, expect, test } from 'vitest';
import { startHttpProxy } from '../fixtures/http-proxy.ts';
import { FrameRecorder } from '../fixtures/mcp-frame-recorder.ts';
import { fixtureServer, start, temporaryFolder } from '../fixtures/mcp-programs.ts';

const REDIRECT = 'http://127.0.0.1:9/callback';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An MCP server that wants a sign-in, in a process with its authorization server. */
async function startSignedIn(): Promise<{ readonly url: string; readonly issuer: string }> {
  const server = start(fixtureServer('mcp-signed-in-server.mjs'));
  const end = await server.says('}\n');
  return JSON.parse(server.stdout.subarray(0, end).toString()) as { url: string; issuer: string };
}

type Tokens = Awaited<ReturnType<OAuthClientProvider['tokens']>>;

/** What a client keeps of a sign-in, and a browser whose user agrees. */
class Visitor {
  readonly redirectUrl = REDIRECT;
  readonly clientMetadata = {
    client_name: 'test',
    redirect_uris: [REDIRECT],
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  #client: { client_id: string } | undefined;
  #tokens: Tokens;
  #verifier = '';
  #discovered: unknown;
  /** What the authorization server has sent back through the browser. */
  callback: URLSearchParams | undefined;
  /** What the client has asked for. */
  resource: string | null = null;

  clientInformation() {
    return this.#client;
  }
  saveClientInformation(client: { client_id: string }): void {
    this.#client = client;
  }
  tokens(): Tokens {
    return this.#tokens;
  }
  saveTokens(tokens: NonNullable<Tokens>): void {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  saveDiscoveryState(state: unknown): void {
    this.#discovered = state;
  }
  discoveryState(): never {
    return this.#discovered as never;
  }
  codeVerifier(): string {
    return this.#verifier;
  }

  async redirectToAuthorization(address: URL): Promise<void> {
    this.resource = address.searchParams.get('resource');
    const cookies = new Map<string, string>();
    let at = address;
    while (!at.href.startsWith(REDIRECT)) {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
      const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
      for (const text of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
        cookies.set(name, value);
      }
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${at.href}: ${response.status}`);
      at = new URL(location, at);
    }
    this.callback = at.searchParams;
  }
}

async function first(url: string): Promise<unknown> {
  const visitor = new Visitor();
  const open = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: visitor });
  const transport = open();
  const client = new Client({ name: 'test', version: '1' });
  await expect(client.connect(transport)).rejects.toThrow('Unauthorized');
  await transport.finishAuth(visitor.callback?.get('code') ?? '');
  const signedIn = new Client({ name: 'test', version: '1' });
  closing.push(() => signedIn.close());
  await signedIn.connect(open());
  return { result: await signedIn.callTool({ name: 'whoami' }), visitor };
}

async function second(url: string): Promise<unknown> {
  const visitor = new Visitor();
  const open = () => new ModernTransport(new URL(url), { authProvider: visitor });
  const transport = open();
  const client = new ModernClient({ name: 'test', version: '1' });
  await expect(client.connect(transport)).rejects.toThrow(/unauthorized/i);
  await transport.finishAuth(visitor.callback ?? new URLSearchParams());
  const signedIn = new ModernClient({ name: 'test', version: '1' });
  closing.push(() => signedIn.close());
  await signedIn.connect(open());
  return { result: await signedIn.callTool({ name: 'whoami' }), visitor };
}

for (const { name, signIn } of [
  { name: 'the first SDK', signIn: first },
  { name: 'the second SDK', signIn: second },
]) {
  test(`a client of ${name} signs in at a real authorization server, without us and through us [X.http-sign-in]`, async () => {
    const server = await startSignedIn();
    const folder = temporaryFolder();
    const recorder = await FrameRecorder.listen(join(folder, 's'));
    closing.push(() => recorder.close());
    const { url, proxy } = await startHttpProxy(server.url, ['-socket', join(folder, 's')]);
    for (const address of [server.url, url]) {
      const { result, visitor } = (await signIn(address)) as {
        result: unknown;
        visitor: Visitor;
      };
      expect(visitor.resource).toBe(address);
      const text = JSON.stringify({ who: 'somebody', audience: address });
      expect(result).toMatchObject({ content: [{ type: 'text', text }] });
      const { access_token: token = '', refresh_token: refresh = '' } = visitor.tokens() ?? {};
      expect(token.length * refresh.length).toBeGreaterThan(0);
      const told = `${proxy.stderr}${JSON.stringify(recorder.frames)}`;
      expect(told.includes(token) || told.includes(refresh)).toBe(false);
    }
    await recorder.received(1); // the call that came through us
    expect(recorder.frames.map(({ tool }) => tool.name)).toEqual(['whoami']);
  });
}
