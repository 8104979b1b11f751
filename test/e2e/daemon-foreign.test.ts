import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord } from '../fixtures/daemon-record.ts';

const home = new DaemonHome();
beforeAll(() => home.start());
afterAll(() => home.remove());

const SCRIPTS = join(import.meta.dirname, '../fixtures');

/** The file of an interpreter itself: what stands in PATH may be a wrapper. */
function interpreter(name: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(name, args, { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  process.stderr.write(`${name} is not on this machine: its emitter is not tested\n`);
  return undefined;
}

const python = interpreter('python3', ['-c', 'import sys; print(sys.executable)']);
const perl = interpreter('perl', ['-MIO::Socket::UNIX', '-e', 'print $^X']);

/** Runs a script and returns who it says it is, and the receipt that the daemon made of it. */
async function emitWith(program: string, script: string, session: string, ...more: string[]) {
  const args = [join(SCRIPTS, script), home.socket, session, ...more];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const self = JSON.parse(line.toString()) as { pid: number; uid: number; gid: number };
  const receipt = await receiptOf(session);
  const exe = readlinkSync(`/proc/${self.pid}/exe`);
  child.stdin.end();
  await once(child, 'close');
  return { self, exe, receipt };
}

/** Emitters of the protocol get no answer: another connection tells when all before it is written. */
async function receiptOf(session: string) {
  for (;;) {
    const client = await RawClient.connect(home.socket);
    await client.ask({ ack: 1, session_id: 'barrier' });
    await client.end();
    const found = readRecord(home.db).find(({ receipt }) => receipt.issuer.session_id === session);
    if (found !== undefined) return found.receipt;
  }
}

const PEOPLE = [
  { name: 'Python', program: python, script: 'daemon-foreign.py' },
  { name: 'Perl', program: perl, script: 'daemon-foreign.pl' },
];
for (const { name, program, script } of PEOPLE) {
  test.skipIf(program === undefined || process.platform !== 'linux')(
    `[P2.peer-foreign] [P2.peer-credential] [P5.frames-foreign] a ${name} script gets a receipt of its own pid, uid, gid and executable`,
    async () => {
      const { self, exe, receipt } = await emitWith(program as string, script, name);
      const { action, principal } = receipt.credentialSubject;
      expect(action.peer_credential).toEqual({ platform: 'linux', ...self, exe_path: exe });
      expect(exe).toBe(realpathSync(program as string));
      expect(self.pid).not.toBe(process.pid);
      const login = spawnSync('id', ['-un', String(self.uid)], { encoding: 'utf8' }).stdout.trim();
      expect(principal.id).toBe(`did:user:${login}`);
    },
  );
}

const isRoot = process.getuid?.() === 0;
const NO_LOGIN = 54_321;

for (const { name, uid, gid, principal } of [
  { name: 'another user', uid: 65_534, gid: 65_534, principal: 'did:user:nobody' },
  {
    name: 'a user without an entry in the user database',
    uid: NO_LOGIN,
    gid: NO_LOGIN,
    principal: `did:user:linux:${NO_LOGIN}`,
  },
]) {
  test.skipIf(!isRoot || python === undefined || process.platform !== 'linux')(
    `[P2.peer-foreign] [P2.peer-credential] ${name} is named by the kernel, not by what it says`,
    async () => {
      home.openToAll();
      const { self, receipt } = await emitWith(
        python as string,
        'daemon-foreign.py',
        name,
        String(uid),
        String(gid),
      );
      const { action, principal: who } = receipt.credentialSubject;
      expect(self).toMatchObject({ uid, gid });
      expect(action.peer_credential).toMatchObject({ platform: 'linux', ...self });
      expect(who.id).toBe(principal);
    },
  );
}

test.skipIf(!isRoot)(
  '[P2.peer-credential] a user outside the group does not reach the socket',
  async () => {
    chmodSync(home.socket, 0o660);
    const connect = `const s = require('net').connect(process.argv[1]);
    s.on('connect', () => process.exit(0)); s.on('error', (e) => { console.log(e.code); process.exit(1); });`;
    const { status, stdout } = spawnSync(process.execPath, ['-e', connect, home.socket], {
      uid: NO_LOGIN,
      gid: NO_LOGIN,
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'EACCES\n' });
  },
);

test.skipIf(process.platform !== 'linux')(
  '[P2.peer-credential] credentials are those of the process that connected, also when it is gone',
  async () => {
    const script = `const s = require('net').connect(process.argv[1], () => {
      const b = Buffer.from(JSON.stringify(${JSON.stringify({
        v: '1',
        ts_emit: '2026-06-15T12:00:00Z',
        session_id: 'gone',
        channel: 'c',
        tool: { name: 't' },
        decision: 'allowed',
      })}));
      const h = Buffer.alloc(4); h.writeUInt32BE(b.length);
      s.write(Buffer.concat([h, b]), () => process.exit(0)); });`;
    const child = spawn(process.execPath, ['-e', script, home.socket], { stdio: 'inherit' });
    await once(child, 'close');
    const { action } = (await receiptOf('gone')).credentialSubject;
    expect(action.peer_credential).toMatchObject({ pid: child.pid, uid: process.getuid?.() });
  },
);

test.skipIf(process.platform !== 'linux')(
  'a daemon keeps no descriptor of connections that have ended',
  async () => {
    const pid = readFileSync(home.lock, 'utf8').trim();
    const count = () => readdirSync(`/proc/${pid}/fd`).length;
    const run = async () => {
      for (let i = 0; i < 30; i += 1) {
        const client = await RawClient.connect(home.socket);
        await client.ask({ ack: 1, session_id: 'fd' });
        await client.end();
      }
    };
    await run();
    const before = count();
    await run();
    expect(count()).toBeLessThanOrEqual(before + 2);
  },
);
