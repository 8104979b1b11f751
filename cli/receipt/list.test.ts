import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleCli, type CliBundle } from '../../test/fixtures/run-cli.ts';
import { FixtureStore } from '../../test/fixtures/store.ts';

let cli: CliBundle;
let store: FixtureStore;

/** Named by what is special about them; the fixture counts seconds from 12:00:01. */
const ids: Record<string, string> = {};

beforeAll(async () => {
  cli = await bundleCli();
  store = new FixtureStore();
  ids['first'] = store.append('2026-06-15');
  ids['failed'] = store.append('2026-06-15', {
    action: { tool_name: 'write_file', type: 'mcp.files.write_file', risk_level: 'high' },
    outcome: { status: 'failure', error: 'stopped by a rule' },
    issuer: {
      runtime: {
        obsigna: {
          decision: { action: 'block' },
          call: { id: '7', began: '2026-06-15T12:00:01.900Z' },
        },
      },
    },
  });
  ids['agent'] = store.append('2026-06-15/agent/bob', { action: { tool_name: '[x]?' } });
  ids['nameless'] = store.append('2026-06-16', {
    action: { tool_name: '', type: 'system.pty.open' },
  });
  ids['pending'] = store.append('2026-06-16', { outcome: { status: 'pending' } });
  store.close();
});

afterAll(() => {
  store.remove();
  cli.remove();
});

const list = (...args: readonly string[]) =>
  cli.run(['receipt', 'list', '-db', store.path, ...args]);

describe('obsigna receipt list', () => {
  test('prints the four columns of the protocol, newest first', () => {
    expect(list()).toEqual({
      code: 0,
      stderr: '',
      stdout: `SEQ  TIMESTAMP             CHAIN                 TOOL / ACTION TYPE
2    2026-06-15T12:00:05Z  2026-06-16            read_file
1    2026-06-15T12:00:04Z  2026-06-16            system.pty.open
1    2026-06-15T12:00:03Z  2026-06-15/agent/bob  [x]?
2    2026-06-15T12:00:02Z  2026-06-15            write_file
1    2026-06-15T12:00:01Z  2026-06-15            read_file
`,
    });
  });

  test('-long adds status, risk, decision, call and time behind them', () => {
    expect(list('-long', '-limit', '1', '-status', 'failure').stdout).toBe(
      `SEQ  TIMESTAMP             CHAIN       TOOL / ACTION TYPE  STATUS   RISK  DECISION  CALL  TOOK
2    2026-06-15T12:00:02Z  2026-06-15  write_file          failure  high  block     7     about 1s or less
`,
    );
  });

  test('-color=always colours and keeps the columns', () => {
    const plain = list('-long').stdout;
    const coloured = list('-long', '--color=always').stdout;
    expect(coloured).toContain('\u001b[31mfailure\u001b[39m');
    // eslint-disable-next-line no-control-regex -- taking colours out again
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(plain);
  });

  for (const { args, want } of [
    { args: ['-chain', '2026-06-15'], want: ['failed', 'first'] },
    { args: ['-chain', '2026'], want: [] },
    { args: ['-tool', 'read_file'], want: ['pending', 'first'] },
    { args: ['-tool', 'write_*'], want: ['failed'] },
    { args: ['-tool', '*_file'], want: ['pending', 'failed', 'first'] },
    { args: ['-tool', 'system.*'], want: ['nameless'] },
    { args: ['-tool', 'mcp.files.write_file'], want: [] },
    { args: ['-tool', '[x]?'], want: ['agent'] },
    { args: ['-tool', '[x]?*'], want: ['agent'] },
    { args: ['-risk', 'high'], want: ['failed'] },
    { args: ['-status', 'pending'], want: ['pending'] },
    { args: ['-status', 'success', '-chain', '2026-06-15'], want: ['first'] },
    { args: ['-since', '2026-06-15T12:00:03Z'], want: ['pending', 'nameless', 'agent'] },
    { args: ['-until', '2026-06-15T12:00:02Z'], want: ['failed', 'first'] },
    {
      args: ['-since', '2026-06-15T14:00:02+02:00', '-until', '2026-06-15T12:00:03Z'],
      want: ['agent', 'failed'],
    },
    {
      args: ['-since', '2026-06-15', '-until', '2026-06-15', '-limit', '2'],
      want: ['pending', 'nameless'],
    },
    { args: ['-since', '2026-06-16'], want: [] },
    { args: ['-chain', '2026-06-16', '-until', '2026-06-15T12:00:04Z'], want: ['nameless'] },
    {
      args: ['-all', '-risk', 'medium', '-status', 'success'],
      want: ['nameless', 'agent', 'first'],
    },
  ]) {
    test(`${args.join(' ')} finds ${want.join(', ') || 'nothing'} [C.list-filters]`, () => {
      const { code, stdout, stderr } = list('-jsonl', ...args);
      const found = stdout.split('\n').slice(0, -1);
      expect(found.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(
        want.map((name) => ids[name]),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });
  }

  test('-json is one indented array of whole receipts [C.list-json]', () => {
    const { stdout } = list('-json', '-chain', '2026-06-15');
    const texts = store_texts('2026-06-15');
    expect(stdout).toBe(
      `${JSON.stringify(
        texts.map((text) => JSON.parse(text) as unknown),
        null,
        2,
      )}\n`,
    );
    expect(list('-json', '-chain', 'none').stdout).toBe('[]\n');
    expect(list('-chain', 'none').stdout).toBe('no receipts found\n');
  });

  function store_texts(chain: string): readonly string[] {
    const { stdout } = list('-jsonl', '-chain', chain);
    return stdout.split('\n').slice(0, -1);
  }

  for (const { args, stderr } of [
    { args: ['-limit', '0'], stderr: '-limit is 0, expected a number above 0' },
    { args: ['-limit', '-1'], stderr: '-limit is -1, expected a number above 0' },
    { args: ['-all', '-limit', '3'], stderr: '-all and -limit exclude each other' },
    { args: ['-json', '-jsonl'], stderr: '-json and -jsonl exclude each other' },
    {
      args: ['-risk', 'higher'],
      stderr: '-risk is "higher", expected low, medium, high, critical',
    },
    { args: ['-status', 'ok'], stderr: '-status is "ok", expected success, failure, pending' },
    { args: ['-since', 'noon'], stderr: '-since is "noon", expected a time such as' },
    { args: ['-color', 'blue'], stderr: '-color is "blue", expected auto, always, never' },
  ]) {
    test(`refuses ${args.join(' ')} [P8.usage]`, () => {
      const result = list(...args);
      expect(result).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain(`obsigna receipt list: ${stderr}`);
    });
  }

  test('a row that is no receipt is reported and hides no other [C.corrupt-row]', () => {
    const other = new FixtureStore();
    try {
      other.append('c');
      const bad = other.append('c');
      const worse = other.append('c');
      other.append('c');
      other.db.prepare("UPDATE receipts SET receipt_json = '{' WHERE id = ?").run(bad);
      other.db.prepare("UPDATE receipts SET receipt_json = x'00' WHERE id = ?").run(worse);
      const { code, stdout, stderr } = cli.run(['receipt', 'list', '-db', other.path]);
      expect(stdout.match(/^\d/gm)).toEqual(['4', '1']);
      expect(stderr.split('\n')).toEqual([
        expect.stringMatching(`^warning: c:3 \\(${worse}\\) is not a readable receipt: `),
        expect.stringMatching(`^warning: c:2 \\(${bad}\\) is not a readable receipt: `),
        '',
      ]);
      expect(code).toBe(0);
    } finally {
      other.remove();
    }
  });

  test('what a tool is called cannot move the cursor or forge a row', () => {
    const other = new FixtureStore();
    try {
      other.append('c', { action: { tool_name: 'a\u001b[2K\r\n9    forged' } });
      const { stdout } = cli.run(['receipt', 'list', '-db', other.path]);
      expect(stdout.split('\n')).toHaveLength(3);
      expect(stdout).toContain('a\\u{1b}[2K\\u{d}\\n9    forged\n');
    } finally {
      other.remove();
    }
  });
});
