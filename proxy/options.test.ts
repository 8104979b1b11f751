import { expect, test } from 'vitest';
import { launchOf } from './remote/remote-flags.ts';
import { readOptions } from './options.ts';

for (const { argv, want } of [
  { argv: ['npx', '-y', 'srv'], want: { command: 'npx', args: ['-y', 'srv'], serverName: 'npx' } },
  { argv: ['serve', 'npx'], want: { command: 'npx', args: [] } },
  { argv: ['serve', 'serve'], want: { command: 'serve', args: [] } },
  { argv: ['--', '-odd', '-x'], want: { command: '-odd', args: ['-x'] } },
  { argv: ['srv', '--', '-x'], want: { command: 'srv', args: ['--', '-x'] } },
  {
    argv: ['srv', '-name', 'x'],
    want: { command: 'srv', args: ['-name', 'x'], serverName: 'srv' },
  },
  { argv: ['-name', 'a', '--name=b', 'srv'], want: { serverName: 'b' } },
  { argv: ['/usr/bin/srv'], want: { command: '/usr/bin/srv', serverName: 'srv' } },
  { argv: ['--', 'doctor'], want: { command: 'doctor', args: [] } },
  { argv: ['./init'], want: { command: './init', serverName: 'init' } },
  { argv: ['srv'], want: { httpFlag: 'unset' } },
  { argv: ['-http', '', 'srv'], want: { httpFlag: 'empty' } },
  { argv: ['-http= NONE ', 'srv'], want: { httpFlag: 'acknowledged' } },
  { argv: ['srv'], want: { doors: ['elicit', 'terminal'], approvalTimeoutMs: 60_000 } },
  {
    argv: ['-http', ':0', 'srv'],
    want: { httpFlag: 'unset', http: { host: '127.0.0.1', port: 0 } },
  },
  { argv: ['-http', '[::1]:7778', 'srv'], want: { http: { host: '::1', port: 7778 } } },
  { argv: ['-approve', 'none', 'srv'], want: { doors: [] } },
  {
    argv: ['-approve', 'terminal,http', '-http=127.0.0.1:0', 'srv'],
    want: { doors: ['terminal', 'http'] },
  },
  { argv: ['-approval-timeout', '1m30s', 'srv'], want: { approvalTimeoutMs: 90_000 } },
  {
    argv: ['-require-receipt', 'srv'],
    want: { command: 'srv', values: { 'require-receipt': true } },
  },
  {
    argv: ['-url', 'https://x.org:8/mcp#a', '-header-env', 'A=B,C=D'],
    want: {
      command: '',
      serverName: 'x.org:8',
      remote: {
        url: new URL('https://x.org:8/mcp'),
        headers: [
          { name: 'A', variable: 'B' },
          { name: 'C', variable: 'D' },
        ],
      },
    },
  },
  {
    argv: ['-bearer-env', 'T', '-was', 'url=url&type=http', '-url', 'https://x.org/'],
    want: {
      remote: {
        url: new URL('https://x.org/'),
        headers: [{ name: 'Authorization', variable: 'T', scheme: 'Bearer ' }],
      },
    },
  },
  { argv: ['-url', 'http://x', '-name', 'n', '--'], want: { serverName: 'n' } },
  { argv: ['-h'], want: { action: 'help' } },
  { argv: ['--help', 'doctor'], want: { action: 'help' } },
  { argv: ['-version'], want: { action: 'version' } },
  { argv: ['--version=true'], want: { action: 'version' } },
  { argv: ['-version=false', 'srv'], want: { action: 'serve' } },
]) {
  test(`readOptions(${argv.join(' ')}) [X.flags]`, () => {
    expect(readOptions(argv, {})).toMatchObject(want);
  });
}

const USAGE = 'USAGE';
for (const { argv, code, message } of [
  { argv: [], code: USAGE, message: 'no server command given' },
  { argv: ['serve'], code: USAGE, message: 'no server command given' },
  { argv: ['-x', 'srv'], code: USAGE, message: 'flag provided but not defined: -x' },
  { argv: ['-name'], code: USAGE, message: 'flag needs an argument: -name' },
  { argv: ['-version=maybe'], code: USAGE, message: 'invalid boolean value "maybe" for -version' },
  { argv: ['-require-receipt', '-socket=', 'srv'], code: USAGE, message: 'needs a daemon' },
  { argv: ['-operator-name', 'Me', 'srv'], code: USAGE, message: '-operator-name needs' },
  { argv: ['bench'], code: USAGE, message: 'bench is a command and comes first' },
  { argv: ['-name', 'x', 'doctor'], code: USAGE, message: 'doctor is a command and comes first' },
  { argv: ['serve', 'init', '-name', 'x'], code: USAGE, message: 'init is a command' },
  // The word is no server because something behind it is: `init` would be a program on most hosts.
  { argv: ['-http', '7778', 'srv'], code: USAGE, message: '-http 7778: expected HOST:PORT' },
  { argv: ['-http', '127.0.0.1:65536', 'srv'], code: USAGE, message: 'expected HOST:PORT' },
  { argv: ['-approve', 'phone', 'srv'], code: USAGE, message: '-approve phone: expected http' },
  { argv: ['-approve', 'http', 'srv'], code: USAGE, message: '-approve http needs -http' },
  { argv: ['-approve', 'none', '-http', ':0', 'srv'], code: USAGE, message: '-approve none' },
  { argv: ['-approval-timeout', '0', 'srv'], code: USAGE, message: 'between 1ns and 24h' },
  { argv: ['-url', 'http://x', 'srv'], code: USAGE, message: 'behind -url' },
  { argv: ['-url', 'x.org/mcp'], code: USAGE, message: 'expected an address' },
  { argv: ['-url', 'file:///etc'], code: USAGE, message: 'expected an address' },
  { argv: ['-url', 'http://me:pw@x'], code: USAGE, message: 'credentials in it' },
  { argv: ['-ca', 'x', 'srv'], code: USAGE, message: '-ca needs -url' },
  { argv: ['-url', 'http://x', '-header-env', 'A: b'], code: USAGE, message: 'NAME=VARIABLE' },
  { argv: ['-url', 'http://x', '-bearer-env', 'a b'], code: USAGE, message: 'name of a variable' },
  { argv: ['-url-env', 'U'], code: 'CREDENTIALS_INVALID', message: 'variable U is not set' },
  { argv: ['-url-env', 'U', '-url', 'http://x'], code: USAGE, message: '-url or -url-env' },
  { argv: ['-was', 'url=url', '--', 'srv'], code: USAGE, message: '-was needs -url' },
  { argv: ['serve', 'init', '--', 'npx'], code: USAGE, message: 'init is a command' },
]) {
  test(`readOptions(${argv.join(' ')}) says ${code} [X.flags]`, () => {
    expect(() => readOptions(argv, {})).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
}

test('readOptions() reads flags over the environment, and an empty variable as none', () => {
  const env = {
    AGENTRECEIPTS_SOCKET: '/run/s',
    AGENTRECEIPTS_ISSUER_NAME: 'E',
    AGENTRECEIPTS_OPERATOR_ID: '',
  };
  const { values } = readOptions(['-issuer-name', 'F', 'srv'], env);
  expect(values).toMatchObject({ socket: '/run/s', 'issuer-name': 'F' });
  expect(values['operator-id']).toBeUndefined();
  expect(readOptions(['-socket', '', 'srv'], env).values.socket).toBe('');
});

test('readOptions() takes an address from a variable, and tells nobody more of it than its origin [X.remote-credentials]', () => {
  const env = { U: 'https://x.org:8/k3y/mcp?token=s3cr3t' };
  const options = readOptions(['-url-env', 'U'], env);
  expect(options.remote?.url.href).toBe(env.U);
  expect(options.serverName).toBe('x.org:8');
  expect(launchOf(options)).toEqual(['-url-env', 'https://x.org:8']);
  for (const text of ['ftp://s3cr3t', 'https://me:s3cr3t@x', 's3cr3t']) {
    expect(() => readOptions(['-url-env', 'U'], { U: text })).toThrow(
      expect.objectContaining({
        code: 'CREDENTIALS_INVALID',
        message: expect.not.stringContaining('s3cr3t') as string,
      }),
    );
  }
});
