import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { parseRules } from '../policy/load-rules.ts';
import { FakeRecorder } from '../test/fixtures/proxy-recorder.ts';
import { ClientStream } from './client-stream.ts';
import { Governor } from './governor.ts';
import { openTools } from './pins/open-tools.ts';
import { ServerStream } from './server-stream.ts';

/** Both directions of a session, without processes. */
function session(rules: string) {
  const recorder = new FakeRecorder();
  const log: string[] = [];
  const logged = (text: string) => void log.push(text);
  const tools = openTools({
    serverName: 's',
    isNamed: true,
    launch: ['x'],
    folder: '',
    recorder,
    log: logged,
  });
  const governor = new Governor({
    serverName: 's',
    rules: parseRules(rules, 'test'),
    policyDigest: 'sha256:0',
    recorder,
    log: logged,
    tools,
  });
  const toClient: Buffer[] = [];
  const toServer: Buffer[] = [];
  const server = new ServerStream(
    governor,
    (bytes) => void toClient.push(bytes),
    (line) => client.interject(line),
  );
  const client: ClientStream = new ClientStream({
    governor,
    forward: (bytes) => void toServer.push(bytes),
    answer: (line) => server.inject(line),
    settle: () => server.settle(),
    hold: () => undefined,
    finished: () => undefined,
  });
  return {
    governor,
    recorder,
    server,
    clientSays: (text: string) => client.push(Buffer.from(`${text}\n`)),
    /** Cut into pieces of this size, as pipes do. */
    serverSays: (text: string, size = Infinity) => {
      const bytes = Buffer.from(`${text}\n`);
      for (let at = 0; at < bytes.length; at += size) {
        server.push(bytes.subarray(at, Math.min(bytes.length, at + size)));
      }
      server.settle();
    },
    clientGot: () => Buffer.concat(toClient.splice(0)).toString(),
    serverGot: () => Buffer.concat(toServer.splice(0)).toString(),
    reports: () =>
      recorder.reports.splice(0).map(({ tool, ending, output, error, context }) => ({
        tool,
        ending,
        said: error ?? output,
        context,
      })),
  };
}

const SAMPLE = '{"jsonrpc":"2.0","id":0,"method":"sampling/createMessage","params":{"n":1}}';
const ELICIT =
  '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"Your PIN?"}}';
const NO_ELICIT =
  'rules: [{name: no-questions, description: No questions, tool_pattern: "elicitation/*", action: block}]';

describe('requests of the server', () => {
  test('pass and are recorded where no rule is about them [X.server-requests]', () => {
    const { serverSays, clientSays, clientGot, serverGot, reports } = session(
      'rules: [{name: all, action: block}]',
    );
    serverSays(`${SAMPLE}\n${ELICIT}`);
    expect(clientGot()).toBe(`${SAMPLE}\n${ELICIT}\n`);
    clientSays('{"id":1,"result":{"action":"accept"}}');
    clientSays('{"id":0,"error":{"code":-1}}');
    clientSays('{"id":7,"result":{}}');
    expect(serverGot().split('\n')).toHaveLength(4);
    const context = { action: 'pass', direction: 'server', risk: {} };
    expect(reports()).toMatchObject([
      { tool: 'elicitation/create', ending: 'answered', said: '{"action":"accept"}', context },
      { tool: 'sampling/createMessage', ending: 'answered', said: '{"code":-1}', context },
    ]);
  });

  for (const size of [Infinity, 1, 7]) {
    test(`are answered with an error where a rule blocks them, cut into ${size} [X.server-requests]`, () => {
      const { serverSays, clientSays, clientGot, serverGot, reports } = session(NO_ELICIT);
      const noise = '{"method":"notifications/x"}\r\n\nnoise {';
      serverSays(`${noise}\n${ELICIT}\n${SAMPLE}`, size);
      expect(clientGot()).toBe(`${noise}\n${SAMPLE}\n`);
      expect(serverGot()).toBe(
        '{"error":{"code":-32001,"message":"blocked by policy: No questions"},"id":1,"jsonrpc":"2.0"}\n',
      );
      clientSays('{"id":0,"result":{}}');
      expect(reports()).toMatchObject([
        { tool: 'elicitation/create', ending: 'denied', context: { rule: 'no-questions' } },
        { tool: 'sampling/createMessage', ending: 'answered' },
      ]);
    });
  }

  for (const { name, line, left } of [
    {
      name: 'in a batch',
      line: `[{"id":3,"result":1}, ${ELICIT}]`,
      left: '[{"id":3,"result":1}]\n',
    },
    { name: 'alone in a batch', line: `[${ELICIT}]`, left: '' },
    {
      name: 'with escapes',
      line: ELICIT.replace('elicitation/create', 'elicitation\\/\\u0063reate'),
      left: '',
    },
    {
      name: 'with a second method',
      line: ELICIT.replace('"id"', '"method":"ping","id"'),
      left: '',
    },
    {
      name: 'with a name in capitals',
      line: ELICIT.replace('"method"', '"Method":"elicitation/create","x"'),
      left: '',
    },
    { name: 'behind a lone carriage return', line: `{}\r${ELICIT}`, left: '' },
  ]) {
    test(`are found ${name} [X.server-requests]`, () => {
      const { serverSays, clientGot } = session(NO_ELICIT);
      serverSays(line);
      expect(clientGot()).toBe(left);
    });
  }

  test('that are carried by a result do not reach the client either [X.server-requests] [X.rounds]', () => {
    const { serverSays, clientSays, clientGot, reports } = session(NO_ELICIT);
    clientSays('{"id":"c","method":"tools/call","params":{"name":"a"}}');
    serverSays(
      '{"id":"c","result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{}}}}}',
    );
    expect(clientGot()).toContain('"message":"blocked by policy: No questions"},"id":"c"');
    expect(reports()).toEqual([]);
  });

  test('that nobody answered are told as unknown', () => {
    const { serverSays, governor, reports } = session('rules: []');
    serverSays(SAMPLE);
    serverSays(SAMPLE);
    governor.end('the server ended');
    expect(reports().map(({ said }) => said)).toEqual([
      'outcome unknown: the server used the id again',
      'outcome unknown: the server ended before the client answered',
    ]);
  });
});

describe('hide_blocked', () => {
  const RULES = `hide_blocked: true
rules: [{name: no-deletes, tool_pattern: "delete_*", action: block}]`;
  const LIST =
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"mcp__s__delete_a"}, {"name":"read"},{"name":"delete_b"}],"nextCursor":"x"}}';

  for (const size of [Infinity, 1, 5]) {
    test(`leaves out of a list what a rule blocks, cut into ${size} [X.hide-blocked]`, () => {
      const { serverSays, clientSays, clientGot } = session(RULES);
      clientSays('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
      serverSays(LIST, size);
      expect(clientGot()).toBe(
        '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read"}],"nextCursor":"x"}}\n',
      );
    });
  }

  test('changes nothing but answers to a request for the list', () => {
    const { serverSays, clientSays, clientGot } = session(RULES);
    clientSays('{"jsonrpc":"2.0","id":1,"method":"prompts/list"}');
    serverSays(LIST);
    expect(clientGot()).toBe(`${LIST}\n`);
  });

  test('hides what has changed, where that is blocked [X.hide-blocked] [X.pins]', () => {
    const { serverSays, clientSays, clientGot } = session(
      'hide_blocked: true\non_drift: block\nrules: []',
    );
    const list = (tools: string) => {
      clientSays('{"id":1,"method":"tools/list"}');
      serverSays(`{"id":1,"result":{"tools":[${tools}]}}`);
      return clientGot();
    };
    expect(list('{"name":"a","description":"x"},{"name":"b"}')).toContain('"a"');
    expect(list('{"name":"a","description":"y"},{"name":"b"}')).toBe(
      '{"id":1,"result":{"tools":[{"name":"b"}]}}\n',
    );
  });

  test('sees to the last line, which nobody ended', () => {
    const { server, clientSays, clientGot } = session(RULES);
    clientSays('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
    server.push(Buffer.from(LIST));
    expect(clientGot()).toBe('');
    server.end();
    expect(clientGot()).not.toContain('delete');
    server.inject(Buffer.from('{}\n'));
    expect(clientGot()).toBe('\n{}\n');
  });
});

describe('a call in several rounds', () => {
  const call = (id: string, extra = '', given = '{"x":1}') =>
    `{"id":${id},"method":"tools/call","params":{"name":"buy","arguments":${given}${extra}}}`;
  const ask = (id: string, state = ',"requestState":"s"') =>
    `{"id":${id},"result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create"}}${state}}}`;
  const answer = ',"inputResponses":{"k":{"action":"accept"}},"requestState":"s"';

  test('is one call in the record, whatever its ids [X.rounds]', () => {
    const { serverSays, clientSays, recorder, reports } = session('rules: []');
    clientSays(call('1'));
    serverSays(ask('1'));
    clientSays(call('2', answer));
    serverSays(ask('2'));
    clientSays(call('3', answer));
    expect(reports()).toEqual([]);
    serverSays('{"id":3,"result":{"resultType":"complete"}}');
    expect(recorder.begun).toHaveLength(1);
    expect(reports()).toMatchObject([
      {
        ending: 'answered',
        said: '{"resultType":"complete"}',
        context: { action: 'pass', rounds: 3, asked: ['elicitation/create'] },
      },
    ]);
  });

  test('with other arguments or another state is another call, and says so [X.rounds]', () => {
    const { serverSays, clientSays, governor, recorder, reports } = session('rules: []');
    clientSays(call('1'));
    serverSays(ask('1'));
    clientSays(call('2', answer, '{"x":2}'));
    clientSays(call('3', answer.replace('"s"', '"t"')));
    clientSays(call('4', answer));
    clientSays(call('5', answer)); // the state once more
    expect(recorder.begun.map(({ record }) => record.context['findings'])).toMatchObject([
      undefined,
      [{ code: 'round_unknown' }],
      [{ code: 'round_unknown' }],
      [{ code: 'round_unknown' }],
    ]);
    governor.end('the server ended');
    expect(reports()).toHaveLength(4);
  });

  test('is decided again in every round [X.rounds]', () => {
    const { serverSays, clientSays, clientGot, serverGot, reports } = session(
      'rules: [{name: drifted, tool_pattern: buy, action: flag}]\non_drift: block',
    );
    const list = (text: string) => {
      clientSays('{"id":9,"method":"tools/list"}');
      serverSays(`{"id":9,"result":{"tools":[{"name":"buy","description":"${text}"}]}}`);
    };
    list('one');
    clientSays(call('1'));
    serverSays(ask('1'));
    list('two');
    clientGot();
    serverGot();
    clientSays(call('2', answer));
    expect(serverGot()).toBe('');
    expect(clientGot()).toContain('"code":-32001');
    expect(reports()).toMatchObject([
      {
        ending: 'denied',
        context: { rule: 'on_drift', rounds: 2, findings: [{ code: 'tool_drift' }] },
      },
    ]);
  });

  test('that the client does not go on with is told as unknown', () => {
    const { serverSays, clientSays, governor, reports } = session('rules: []');
    clientSays(call('1'));
    serverSays(ask('1', ''));
    governor.end('the server ended');
    expect(reports()).toMatchObject([
      {
        ending: 'unknown',
        said: 'outcome unknown: the server ended before the client went on with the call',
      },
    ]);
  });
});
