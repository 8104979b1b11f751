import { describe, expect, test } from 'vitest';
import { defaultPaths, emitterSocket } from './paths.ts';

const alice = '/home/alice/.local/share/agent-receipts';

describe('defaultPaths()', () => {
  for (const { name, platform = 'linux', env = {}, dataDir = alice, socket } of [
    { name: 'no variable at all', socket: '/run/agentreceipts/events.sock' },
    {
      name: 'a runtime directory',
      env: { XDG_RUNTIME_DIR: '/run/user/7' },
      socket: '/run/user/7/agentreceipts/events.sock',
    },
    {
      name: 'a data directory',
      env: { XDG_DATA_HOME: '/data/' },
      dataDir: '/data/agent-receipts',
      socket: '/run/agentreceipts/events.sock',
    },
    {
      name: 'a relative data directory, which does not count',
      env: { XDG_DATA_HOME: 'data' },
      socket: '/run/agentreceipts/events.sock',
    },
    {
      name: 'empty variables, which do not count',
      env: { XDG_DATA_HOME: '', XDG_RUNTIME_DIR: '' },
      socket: '/run/agentreceipts/events.sock',
    },
    {
      name: 'macOS',
      platform: 'darwin',
      env: { XDG_RUNTIME_DIR: '/run/user/7' },
      socket: `${alice}/events.sock`,
    },
    { name: 'a platform without a socket', platform: 'win32', socket: '' },
  ]) {
    test(`follows ${name}`, () => {
      expect(defaultPaths({ env, platform, home: '/home/alice' })).toEqual({
        dataDir,
        socket,
        db: `${dataDir}/receipts.db`,
        key: `${dataDir}/signing.key`,
        publicKey: `${dataDir}/signing.key.pub`,
        forensicKey: `${dataDir}/forensic.key`,
        config: `${dataDir}/daemon.toml`,
      });
    });
  }

  test('leaves empty what hangs on a home that is not there', () => {
    const nowhere = { dataDir: '', db: '', key: '', publicKey: '', forensicKey: '', config: '' };
    expect(defaultPaths({ env: {}, platform: 'darwin', home: '' })).toEqual({
      ...nowhere,
      socket: '',
    });
    const socket = '/run/agentreceipts/events.sock';
    expect(defaultPaths({ env: {}, platform: 'linux', home: '' })).toEqual({ ...nowhere, socket });
  });
});

test('emitterSocket() prefers AGENTRECEIPTS_SOCKET unless it is empty', () => {
  const host = { platform: 'linux', home: '/home/alice' };
  expect(emitterSocket({ ...host, env: { AGENTRECEIPTS_SOCKET: '/tmp/s' } })).toBe('/tmp/s');
  const unset = emitterSocket({ ...host, env: { AGENTRECEIPTS_SOCKET: '' } });
  expect(unset).toBe('/run/agentreceipts/events.sock');
});

describe('without a runtime directory, defaultPaths() looks for one', () => {
  for (const { there, uid = 7, home = '/home/alice', socket } of [
    { there: ['/run/user/7'], socket: '/run/user/7/agentreceipts/events.sock' },
    { there: ['/run/agentreceipts', '/run/user/7'], socket: '/run/agentreceipts/events.sock' },
    { there: ['/run/user/8'], socket: `${alice}/events.sock` },
    { there: [] as string[], home: '', socket: '/run/agentreceipts/events.sock' },
    { there: ['/run/user/0'], uid: 0, socket: '/run/agentreceipts/events.sock' },
  ]) {
    test(`as user ${uid} with ${there.join(' and ') || 'nothing'}: ${socket}`, () => {
      const probe = { uid, exists: (path: string) => there.includes(path) };
      expect(defaultPaths({ env: {}, platform: 'linux', home, probe }).socket).toBe(socket);
    });
  }

  test('and believes one that is named', () => {
    const probe = { uid: 7, exists: () => true };
    const env = { XDG_RUNTIME_DIR: '/r' };
    const { socket } = defaultPaths({ env, platform: 'linux', home: '/home/alice', probe });
    expect(socket).toBe('/r/agentreceipts/events.sock');
  });
});
