import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DaemonHome } from '../fixtures/daemon-process.ts';

const OBSIGNA = join(import.meta.dirname, '../../dist/obsigna.cjs');

let home: DaemonHome;
afterEach(async () => {
  obsigna(['daemon', 'stop']);
  await home.remove();
});

function obsigna(args: readonly string[], env: NodeJS.ProcessEnv = home.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [OBSIGNA, ...args], {
    env,
    encoding: 'utf8',
    cwd: home.root,
  });
  return { code: status, stdout, stderr };
}

test('init sets up keys, rules and a daemon, and changes nothing the second time [X.first-minute]', () => {
  home = new DaemonHome({ init: false });
  const rules = join(home.data, 'rules.yaml');
  const first = obsigna(['init', '-no-service']);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  for (const made of [`made ${home.key} and`, `wrote ${rules}`, `answers at ${home.socket}`]) {
    expect(first.stdout).toContain(made);
  }
  expect(statSync(rules).mode & 0o777).toBe(0o600);
  expect(statSync(home.key).mode & 0o777).toBe(0o600);
  writeFileSync(rules, 'rules: []\n'); // what somebody wrote is theirs
  const key = readFileSync(home.key, 'utf8');
  const second = obsigna(['init', '-no-service']);
  expect(second).toMatchObject({ code: 0, stderr: '' });
  expect(second.stdout).toContain('runs already, pid ');
  expect([readFileSync(rules, 'utf8'), readFileSync(home.key, 'utf8')]).toEqual([
    'rules: []\n',
    key,
  ]);
  expect(obsigna(['doctor']).code).toBe(0);
});

test('sample explains a receipt that is really there, and says when there is none [X.sample]', () => {
  home = new DaemonHome({ init: false });
  expect(obsigna(['sample'])).toMatchObject({ code: 2, stderr: expect.stringContaining('STORE_') });
  obsigna(['init', '-no-service']);
  expect(obsigna(['doctor']).code).toBe(0); // leaves a receipt of its round trip
  const { code, stdout } = obsigna(['sample', '-json']);
  expect(code).toBe(0);
  const { receipt, signed_by: key, chapters } = JSON.parse(stdout) as Record<string, unknown>;
  expect(receipt).toMatchObject({
    credentialSubject: { action: { tool_name: 'agent-receipts-doctor.roundtrip' } },
  });
  expect(key).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(JSON.stringify(chapters)).not.toContain('not a member that this version knows');
  expect(obsigna(['sample', '1']).stdout).toContain('Its signature verifies with the key sha256:');
  const other = join(home.root, 'other.pub');
  const foreign = new DaemonHome();
  writeFileSync(other, readFileSync(foreign.publicKey));
  void foreign.remove();
  const wrong = obsigna(['sample', '1', '-public-key', other]);
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('does NOT verify') });
});

test('init says what it cannot make, and goes on from there the next time [X.first-minute]', () => {
  home = new DaemonHome({ init: false });
  mkdirSync(join(home.root, '.local/share'), { recursive: true });
  writeFileSync(home.data, 'a file where the data directory should be');
  const { code, stderr } = obsigna(['init', '-no-service']);
  expect(code).not.toBe(0);
  expect(stderr).toContain('INIT_FAILED');
  expect(existsSync(home.key)).toBe(false);
});
