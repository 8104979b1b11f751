import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rotateKey } from '../../daemon/keys/rotate.ts';
import { SshAgentSigner } from '../../daemon/keys/ssh-agent.ts';
import { loadLibC } from '../../daemon/native/libc.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { eventMembers, RawClient } from '../fixtures/daemon-client.ts';
import { FIRST, readReports } from '../fixtures/daemon-record.ts';
import { KeysHome } from '../fixtures/keys-home.ts';

const hasAgent = spawnSync('ssh-agent', ['-h']).error === undefined;
if (!hasAgent) process.stderr.write('ssh-agent tests skipped: no ssh-agent (openssh-client)\n');

let home: KeysHome;
let socket: string;
let agent: ChildProcess | undefined;

beforeEach(() => {
  home = new KeysHome({ init: false });
  socket = join(home.root, 'agent.sock');
});
afterEach(async () => {
  await stopAgent();
  await home.remove();
});

async function startAgent(): Promise<void> {
  rmSync(socket, { force: true });
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function stopAgent(): Promise<void> {
  if (agent === undefined) return;
  const closed = once(agent, 'close');
  agent.kill('SIGKILL');
  await closed;
  agent = undefined;
}

const env = () => ({ SSH_AUTH_SOCK: socket });

/** Makes a key that only the agent holds; returns its fingerprint as `ssh-add -l` prints it. */
function addKey(comment: string, kind: readonly string[] = ['-t', 'ed25519']): string {
  const file = join(home.root, comment);
  const made = spawnSync('ssh-keygen', ['-q', ...kind, '-N', '', '-C', comment, '-f', file]);
  expect(made.status).toBe(0);
  loadKey(comment);
  const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' });
  return stdout.split(' ')[1] ?? '';
}

function loadKey(comment: string): void {
  const file = join(home.root, comment);
  expect(spawnSync('ssh-add', ['-q', file], { env: { ...process.env, ...env() } }).status).toBe(0);
}

const withKey = (key: string) => ({ flags: ['-chain-id', 'root', '-key', key], env: env() });

describe.skipIf(!hasAgent)('a key in an ssh-agent', () => {
  beforeEach(startAgent);

  for (const name of ['comment', 'SHA256', 'sha256'] as const) {
    test(`[D.signer-agent] the daemon signs with the key named by its ${name}`, async () => {
      addKey('other');
      addKey('rsa', ['-t', 'rsa', '-b', '2048']);
      const ssh = addKey('signing');
      const wanted = { comment: 'signing', SHA256: ssh, sha256: rawFingerprint('signing') }[name];
      await home.session(['', 'a'], 'SIGTERM', withKey(`ssh-agent:${wanted}`));
      expect(existsSync(home.key)).toBe(false);
      expect(home.verified(['-pin', rawFingerprint('signing')])).toEqual({
        code: 0,
        chains: ['root: 1 valid', 'root/agent/a: 1 valid'],
      });
    });
  }

  for (const { name, key, says } of [
    { name: 'a key that is not there', key: 'nobody', says: /no Ed25519 key "nobody".+\(twin\)/ },
    { name: 'a comment that two keys have', key: 'twin', says: /several Ed25519 keys "twin"/ },
    { name: 'an RSA key', key: 'rsa', says: /no Ed25519 key "rsa"/ },
  ]) {
    test(`[D.signer-agent] a start with ${name} is refused, and says what there is`, async () => {
      addKey('twin');
      rmSync(join(home.root, 'twin'));
      addKey('twin');
      addKey('rsa', ['-t', 'rsa', '-b', '2048']);
      const { code, stderr } = home.run(['-key', `ssh-agent:${key}`], env());
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
      expect(stderr).toContain('[SIGNER_UNAVAILABLE]');
    });
  }

  test('[D.signer-agent] an agent that dies costs refusals; back again, it costs nothing', async () => {
    addKey('signing');
    const daemon = await home.start(withKey('ssh-agent:signing'));
    const client = await RawClient.connect(home.socket);
    const ask = (ack: number) => client.ask(eventMembers({ ack }) as { ack: number });
    expect(await ask(1)).toMatchObject({ ok: true, sequence: FIRST });
    await stopAgent();
    expect(await ask(2)).toMatchObject({ ok: false, code: 'SIGNER_UNAVAILABLE' });
    client.send(); // nobody is told; the record is
    expect(await ask(3)).toMatchObject({ ok: false });
    await startAgent();
    loadKey('signing');
    expect(await ask(4)).toMatchObject({ ok: true, sequence: FIRST + 2 });
    await daemon.stop();
    expect(home.verified()).toEqual({ code: 0, chains: ['root: 3 valid'] });
    const [, dropped] = readReports(home.db);
    expect(dropped?.receipt.credentialSubject.action.emitter_metadata).toEqual({ drop_count: 1 });
  });

  test('[D.signer-agent] a receipt larger than the agent signs is refused alone', async () => {
    addKey('signing');
    const daemon = await home.start(withKey('ssh-agent:signing'));
    const client = await RawClient.connect(home.socket);
    const usage = { text: 'x'.repeat(300_000) };
    client.send({ ack: 1 });
    client.send({ ack: 2, usage });
    client.send({ ack: 3 });
    expect(await client.reply(3)).toMatchObject({ ok: true, sequence: FIRST + 1 });
    expect(await client.reply(2)).toMatchObject({ ok: false, code: 'SIGNER_LIMIT' });
    await daemon.stop();
    expect(home.verified().code).toBe(0);
  });

  test('[D.rotation] from a file into the agent, and on to another key there', async () => {
    home.run(['-init']);
    const first = home.fingerprint();
    await home.session([''], 'SIGKILL');
    addKey('one');
    addKey('two');
    const rotate = (...flags: string[]) => home.cli(['keys', 'rotate', ...flags], env());
    expect(rotate('-new-key', 'ssh-agent:one')).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(home.key)).toBe(false); // a second way to sign would be left
    await home.session([''], 'SIGKILL', withKey('ssh-agent:one'));
    expect(rotate('-key', 'ssh-agent:one', '-new-key', 'ssh-agent:two').code).toBe(0);
    await home.session([''], 'SIGTERM', withKey('ssh-agent:two'));
    expect(home.verified(['-pin', first])).toEqual({ code: 0, chains: ['root: 5 valid'] });
    for (const [key, code] of [
      ['one', 'KEY_RETIRED'],
      ['two', 'KEY_RETIRED'],
    ] as const) {
      const back = rotate('-key', 'ssh-agent:two', '-new-key', `ssh-agent:${key}`);
      expect(back.stderr).toContain(`[${code}]`);
    }
    expect(rotate('-key', 'ssh-agent:two').stderr).toMatch(
      /name its successor: -new-key\n.*\[USAGE\]/,
    );
    expect(home.verified().code).toBe(0);
  });

  test('[D.rotation] out of the agent into a file, which is made for it', async () => {
    addKey('one');
    const withFile = ['-key', 'ssh-agent:one', '-new-key', home.key];
    await home.session(['', 'a'], 'SIGKILL', withKey('ssh-agent:one'));
    const rotated = home.cli(['keys', 'rotate', ...withFile], env());
    expect(rotated).toMatchObject({ code: 0, stderr: '' });
    expect(rotated.stdout).toContain(`with -key ${home.key} -public-key ${home.publicKey}`);
    expect(statSync(home.key).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.data).filter((name) => name.endsWith('.rotating'))).toEqual([]);
    await home.session(['', 'a'], 'SIGTERM');
    const { code, chains } = home.verified(['-pin', rawFingerprint('one')]);
    expect(code).toBe(0);
    expect(chains.map((it) => it.replace(/\d+ /, ''))).toEqual([
      'root: valid',
      'root/agent/a: valid',
    ]);
    expect(home.run(['-key', 'ssh-agent:one'], env()).stderr).toContain('[KEY_MISMATCH]');
    // And in a file it is replaced where it lies; a key that is there is never written over.
    expect(home.cli(['keys', 'rotate', '-new-key', `${home.key}-2`]).stderr).toContain('[USAGE]');
    expect(home.cli(['keys', 'rotate', ...withFile], env()).code).not.toBe(0);
  });

  const steps = ['staged', 'recorded'] as const;
  for (const at of steps) {
    for (const next of ['the key before', 'the file', 'another rotation'] as const) {
      test(`[D.rotation-crash] out of the agent, killed when ${at}, then ${next}`, async () => {
        addKey('one');
        await home.session([''], 'SIGKILL', withKey('ssh-agent:one'));
        const flags = ['-key', 'ssh-agent:one', '-new-key', home.key];
        let crashed = home;
        await rotateKey(home.config(flags), {
          env: env(),
          log: () => undefined,
          onStep: (step) => {
            if (step === at) crashed = home.snapshot();
          },
        });
        try {
          const isRecorded = at === 'recorded';
          if (next === 'another rotation') {
            const again = flags.map((it) => it.replace(home.key, crashed.key));
            expect(crashed.cli(['keys', 'rotate', ...again], env()).code).toBe(0);
            await crashed.session([''], 'SIGTERM');
            expect(crashed.verified().code).toBe(0);
          } else {
            const key = next === 'the file' ? crashed.key : 'ssh-agent:one';
            const isRight = isRecorded === (next === 'the file');
            if (isRight) {
              await crashed.session([''], 'SIGTERM', withKey(key));
              expect(crashed.verified().code).toBe(0);
            } else {
              const refused = crashed.run(['-chain-id', 'root', '-key', key], env()).stderr;
              expect(refused).toMatch(isRecorded ? /\[KEY_MISMATCH\]/ : /\[ROTATION_UNFINISHED\]/);
              // Nothing that may be the only copy of a key is taken away.
              expect(existsSync(`${crashed.key}.rotating`)).toBe(true);
            }
          }
        } finally {
          await crashed.remove();
        }
      });
    }
  }
});

/** Of the raw key, from the file that ssh-keygen wrote: `ssh-ed25519 <blob> <comment>`. */
function rawFingerprint(comment: string): string {
  const [, blob = ''] = readFileSync(join(home.root, `${comment}.pub`), 'utf8').split(' ');
  return `sha256:${nodeSuite.sha256Hex(Buffer.from(blob, 'base64').subarray(-32))}`;
}

describe('an agent that does not keep to the protocol', () => {
  const string = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const raw = Buffer.alloc(32, 7);
  const blob = Buffer.concat([string(Buffer.from('ssh-ed25519')), string(raw)]);
  const one = Buffer.concat([
    Buffer.from([12, 0, 0, 0, 1]),
    string(blob),
    string(Buffer.from('k')),
  ]);
  const signature = (kind: string, bytes: number) =>
    Buffer.concat([
      Buffer.from([14]),
      string(Buffer.concat([string(Buffer.from(kind)), string(Buffer.alloc(bytes))])),
    ]);

  /** Answers the n-th message with the n-th body; then is silent. Runs in a process of its own. */
  async function fake(bodies: readonly Buffer[]): Promise<ChildProcess> {
    const script = `
      const bodies = ${JSON.stringify(bodies.map((it) => it.toString('hex')))};
      require('net').createServer((s) => s.on('data', () => {
        const body = bodies.shift();
        if (body === undefined) return;
        s.write(Buffer.from(body, 'hex'));
      })).listen(process.argv[1], () => console.log('up'));`;
    const child = spawn(process.execPath, ['-e', script, socket], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  }

  for (const { name, answers, says } of [
    { name: 'refuses', answers: [string(Buffer.from([5]))], says: 'it refused' },
    { name: 'claims 4 GiB', answers: [Buffer.alloc(4, 255)], says: 'answer of 4294967295 bytes' },
    {
      name: 'answers another question',
      answers: [string(Buffer.from([6]))],
      says: 'answer of kind 6',
    },
    {
      name: 'lies about a length',
      answers: [string(Buffer.from([12, 0, 0, 0, 1, 255, 0, 0, 0]))],
      says: 'ends inside a string',
    },
    {
      name: 'claims more keys than it sends',
      answers: [string(Buffer.from([12, 0, 0, 0, 9]))],
      says: 'ends inside',
    },
    { name: 'never answers', answers: [], says: 'no answer in 2000 ms' },
    {
      name: 'signs wrongly',
      answers: [string(one), string(signature('ssh-ed25519', 64))],
      says: 'does not verify',
    },
    {
      name: 'signs in another kind',
      answers: [string(one), string(signature('ssh-rsa', 64))],
      says: 'of kind ssh-rsa',
    },
    {
      name: 'signs too short',
      answers: [string(one), string(signature('ssh-ed25519', 63))],
      says: 'of 63 bytes',
    },
  ]) {
    test(`[D.signer-agent] ${name}: an error, never a signature`, async () => {
      const libc = await loadLibC();
      const child = await fake(answers);
      try {
        expect(() => new SshAgentSigner(libc, 'k', socket)).toThrow(
          expect.objectContaining({
            code: 'SIGNER_UNAVAILABLE',
            message: expect.stringContaining(says) as string,
          }),
        );
      } finally {
        child.kill('SIGKILL');
      }
    });
  }

  for (const path of [undefined, '', '/nonexistent/agent.sock']) {
    test(`[D.signer-agent] SSH_AUTH_SOCK ${String(path)} is refused`, async () => {
      const libc = await loadLibC();
      expect(() => new SshAgentSigner(libc, 'k', path)).toThrow(
        expect.objectContaining({ code: 'SIGNER_UNAVAILABLE' }),
      );
    });
  }
});
