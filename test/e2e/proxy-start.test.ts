import { expect, test } from 'vitest';
import { fixtureServer, program, proxied, rulesFile, start } from '../fixtures/mcp-programs.ts';

const SERVER = fixtureServer('mcp-scripted-server.mjs', '-', 'calls');

async function run(command: readonly string[], env?: NodeJS.ProcessEnv) {
  const proxy = start(command, env);
  proxy.end();
  const exit = await proxy.exit;
  const stderr = proxy.stderr.replaceAll(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /gm, 'DATE ');
  return { ...exit, stdout: proxy.stdout.toString(), stderr };
}

const proxy = (...args: string[]) => [process.execPath, program('mcp-proxy'), ...args];

test('the proxy says at start what it will do, in the published lines [X.banner]', async () => {
  const rules = rulesFile(
    'rules: [{name: b, tool_pattern: x, action: block}, {name: p, action: pause}, {name: off, enabled: false, action: flag}]\n',
  );
  const flags = ['-name', 'my server', '-rules', rules, '-issuer-model', 'm', '-http', ''];
  const { stderr } = await run(proxied(SERVER, flags), { CODEX_HOME: '/x' });
  const own = stderr.split('\n').filter((line) => !line.startsWith('server: '));
  expect(own).toEqual([
    'DATE mcp-proxy: host=env:CODEX_HOME issuer="Codex" model="m" operator.id="did:web:openai.com" operator.name="OpenAI"',
    'DATE mcp-proxy: --socket is empty; receipts will NOT be emitted for this session',
    'DATE mcp-proxy: [WARN] policy: 2 rules enabled (1 disabled), 1 require approval (p), 1 block (b); approver: NONE ' +
      '— pause rules will fail (set -http=ADDR to enable approver, or -http=none to acknowledge)',
    '{"approver_disabled":false,"approver_set":false,"approver_url":"","block_rules":["b"],"event":"policy_banner","level":"WARN","pause_rules":["p"],"rules_loaded":2}',
    expect.stringMatching(/^DATE mcp-proxy: session [0-9a-f-]{36}, server my server$/),
    '',
  ]);
});

test('the proxy tells which socket it reports to [X.banner]', async () => {
  const { stderr } = await run(proxy('--', ...SERVER), { AGENTRECEIPTS_SOCKET: '/no/such/s' });
  expect(stderr).toContain('DATE mcp-proxy: emitter targeting daemon socket /no/such/s\n');
});

test('the proxy says at start that receipts are required [X.banner]', async () => {
  const env = { AGENTRECEIPTS_SOCKET: '/no/such/s', AGENTRECEIPTS_REQUIRE_RECEIPT: '1' };
  const { stderr } = await run(proxy('--', ...SERVER), env);
  expect(stderr).toContain(
    'socket /no/such/s\nDATE mcp-proxy: receipts are required; calls that the daemon does not record are refused\n',
  );
});

for (const { name, args, code, says } of [
  { name: 'no server', args: [], code: 1, says: ['no server command given', '[USAGE]', 'Usage:'] },
  {
    name: 'an unknown flag',
    args: ['-nope', 'srv'],
    code: 2,
    says: ['flag provided but not defined: -nope', 'Usage:'],
  },
  { name: 'half a flag', args: ['-name'], code: 2, says: ['flag needs an argument: -name'] },
  {
    name: 'an operator without id',
    args: ['-operator-name', 'Me', 'srv'],
    code: 1,
    says: ['-operator-name needs -operator-id'],
  },
  {
    name: 'receipts that nobody writes',
    args: ['-socket', '', '-require-receipt', 'srv'],
    code: 1,
    says: ['-require-receipt needs a daemon, and -socket is empty', '[USAGE]'],
  },
  {
    name: 'rules that are not there',
    args: ['-rules', '/no/such.yaml', 'srv'],
    code: 1,
    says: ['cannot read /no/such.yaml (ENOENT)', '[RULES_UNREADABLE]'],
  },
  {
    name: 'a listener where none can be',
    args: ['-http', '192.0.2.1:1', 'srv'],
    code: 1,
    says: [
      'mcp-proxy: cannot bind approval listener on 192.0.2.1:1: ',
      '  fix: ',
      '[APPROVAL_LISTENER_FAILED]',
    ],
  },
  { name: 'a bench of nothing', args: ['bench'], code: 2, says: ['no server command given'] },
]) {
  test(`the proxy refuses ${name} with exit code ${code} [P8.usage]`, async () => {
    const result = await run(proxy(...args));
    expect(result).toMatchObject({ code, stdout: '' });
    for (const text of says) expect(result.stderr).toContain(text);
  });
}

test('a mistake in the rules starts no server [P8.rules-position]', async () => {
  const rules = rulesFile('rules:\n  - name: a\n    actoin: block\n');
  const result = await run(proxied(SERVER, ['-rules', rules]));
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toContain(`${rules}:3:5: unknown key "actoin"; did you mean "action"?`);
  expect(result.stderr).not.toContain('server: started');
});

test('version and help go to standard output, with exit code 0', async () => {
  const version = await run(proxy('--version'));
  expect(version).toMatchObject({ code: 0, stderr: '' });
  expect(version.stdout).toMatch(/^mcp-proxy \d+\.\d+\.\d+\n$/);
  const help = await run(proxy('-h'));
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^Usage: mcp-proxy /);
});
