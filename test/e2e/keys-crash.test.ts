import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rotateKey, type RotationStep } from '../../daemon/keys/rotate.ts';
import { readRecord } from '../fixtures/daemon-record.ts';
import { KeysHome } from '../fixtures/keys-home.ts';

let home: KeysHome;
const copies: KeysHome[] = [];
beforeEach(async () => {
  home = new KeysHome();
  await home.session(['', 'a'], 'SIGKILL');
});
afterEach(async () => {
  await Promise.all([home, ...copies.splice(0)].map((it) => it.remove()));
});

const STEPS: readonly RotationStep[] = ['staged', 'anchored', 'archived', 'recorded', 'swapped'];

function rotate(onStep: (step: RotationStep) => void, log: (text: string) => void = () => {}) {
  const flags = ['-anchor-log', `${home.root}/anchor`, '-socket', `${home.root}/none.sock`];
  return rotateKey(home.config(flags), { env: {}, log, onStep });
}

/** What is on disk at a moment of a rotation, for a daemon to be started on. */
async function crashedAt(at: RotationStep): Promise<KeysHome> {
  const found: KeysHome[] = [];
  await rotate((step) => {
    if (step === at) found.push(home.snapshot());
  });
  copies.push(...found);
  return found[0] as KeysHome;
}

for (const [index, at] of STEPS.entries()) {
  test(`[D.rotation-crash] killed when ${at}: the next start finishes or undoes it`, async () => {
    const before = home.keyFiles();
    const outgoing = home.fingerprint();
    const crashed = await crashedAt(at);
    const isRecorded = index >= STEPS.indexOf('recorded');
    const log = await crashed.session(['', 'a'], 'SIGTERM');
    const says = isRecorded ? 'finished the key rotation of urn:receipt:' : 'undid a key rotation';
    expect(log.includes(says)).toBe(at !== 'swapped');
    const length = isRecorded ? 3 : 2;
    expect(crashed.verified(['-pin', outgoing])).toEqual({
      code: 0,
      chains: [`root: ${length} valid`, `root/agent/a: ${length} valid`],
    });
    // Finished, it is what an undisturbed rotation leaves; undone, what was there before.
    expect(crashed.keyFiles()).toEqual(isRecorded ? home.keyFiles() : before);
    expect(crashed.cli(['keys', 'rotate', '-chain-id', 'root']).code).toBe(0);
    expect(crashed.verified().code).toBe(0);
  });

  test(`[D.rotation-crash] killed when ${at}: another rotation deals with it first`, async () => {
    const crashed = await crashedAt(at);
    const staged = home.fingerprint();
    const { code, stderr } = crashed.cli(['keys', 'rotate']);
    expect(code).toBe(0);
    expect(crashed.verified().code).toBe(0);
    const rotations = readRecord(crashed.db).filter(
      ({ columns }) => columns.chain_id === 'root' && columns.action_type === 'agent.key.rotate',
    );
    // One that is recorded is finished, and not followed by a second one that nobody asked for.
    expect(rotations).toHaveLength(at === 'swapped' ? 2 : 1);
    expect(crashed.fingerprint() === staged).toBe(at === 'recorded');
    expect(stderr).toMatch(
      at === 'swapped' ? /^$/ : at === 'recorded' ? /finished the key/ : /undid a key/,
    );
  });
}

test('[D.rotation-crash] killed between the two renames: the start publishes nothing twice', async () => {
  const crashed = await crashedAt('recorded');
  renameSync(`${crashed.publicKey}.rotating`, crashed.publicKey);
  await crashed.session([''], 'SIGTERM');
  expect(crashed.keyFiles()).toEqual(home.keyFiles());
  expect(crashed.verified().code).toBe(0);
});

test('[D.rotation-crash] a waiting key cut short by a power cut is taken away', async () => {
  const before = home.keyFiles();
  const crashed = await crashedAt('staged');
  truncateSync(`${crashed.key}.rotating`, 40);
  expect(await crashed.session([''], 'SIGTERM')).toContain('undid a key rotation');
  expect(crashed.keyFiles()).toEqual(before);
});

test('[D.rotation-crash] recorded, and the waiting key gone: refused, with the key to look for', async () => {
  const crashed = await crashedAt('recorded');
  writeFileSync(`${crashed.key}.rotating`, 'nonsense', { mode: 0o600 });
  const files = crashed.keyFiles();
  const daemon = crashed.launch();
  expect(await daemon.exit).toEqual({ code: 1, signal: null });
  expect(daemon.stderr).toContain(`gave way to ${home.fingerprint()} in urn:receipt:`);
  expect(daemon.stderr).toContain('[KEY_RETIRED]');
  expect(crashed.keyFiles()).toEqual(files);
});

for (const at of STEPS.slice(0, 3)) {
  test(`[D.rotation-crash] a failure when ${at} takes everything back at once`, async () => {
    const before = home.keyFiles();
    const fail = rotate((step) => {
      if (step === at) throw new Error('disk on fire');
    });
    await expect(fail).rejects.toThrow('disk on fire');
    expect(home.keyFiles()).toEqual(before);
    expect(readRecord(home.db)).toHaveLength(3);
    expect(await home.session([''], 'SIGTERM')).not.toContain('rotation');
  });
}

test('[D.rotation-crash] a failure on a store that the rotation made takes the store away again', async () => {
  const fresh = new KeysHome();
  copies.push(fresh);
  const config = fresh.config();
  const fail = rotateKey(config, {
    env: {},
    log: () => undefined,
    onStep: () => {
      throw new Error('no');
    },
  });
  await expect(fail).rejects.toThrow('no');
  expect(() => readFileSync(fresh.db)).toThrow('ENOENT');
});

test('[D.key-retired] a key that comes back from a backup is refused on every chain', async () => {
  const [oldKey, oldPem] = [readFileSync(home.key), home.publicPem()];
  await rotate(() => undefined);
  writeFileSync(home.key, oldKey);
  writeFileSync(home.publicKey, oldPem);
  for (const run of [() => home.run(['-chain-id', 'new']), () => home.cli(['keys', 'rotate'])]) {
    const { code, stderr } = run();
    expect(code).toBe(1);
    expect(stderr).toMatch(/the signing key sha256:.+ gave way to sha256:.+\[KEY_RETIRED\]\n$/s);
  }
});

test('[D.rotation] a tail handed over by a key whose archive is gone is refused by its name', async () => {
  const outgoing = home.fingerprint();
  await rotate(() => undefined);
  rmSync(`${home.publicKey}.rotated-${outgoing.slice(-16)}`);
  const { code, stderr } = home.run(['-chain-id', 'root']);
  expect(code).toBe(1);
  expect(stderr).toContain(`no archived public key proves the handover from ${outgoing}`);
  expect(stderr).toContain(`*.rotated-${outgoing.slice(-16)}`);
});
