import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixtures/mcp-programs.ts';
import { PinBook } from './pin-book.ts';
import { PinFile } from './pin-file.ts';
import { emptyRecord, accepted } from './pin-record.ts';
import { ServerTools, type ServerNotice } from './server-tools.ts';

const ADD = { name: 'add', description: 'Adds numbers', inputSchema: { type: 'object' } };
const READ = { name: 'read', description: 'Reads a file', inputSchema: { type: 'object' } };
const id = Buffer.from('1');

/** Sessions with one server, one after the other, over the same pins. */
function home(path: string | undefined = join(temporaryFolder(), 'pins', 's.json')) {
  const file =
    path === undefined || path === '' ? undefined : new PinFile(path, () => emptyRecord('s'));
  const problems: string[] = [];
  const session = (launch: readonly string[] = ['node', 'server.js']) => {
    const notices: ServerNotice[] = [];
    const tools = new ServerTools({
      book: new PinBook('s', file, ({ code }) => void problems.push(code)),
      launch,
      foreignTools: () => new Map([['send_email', 'mail']]),
      notice: (notice) => void notices.push(notice),
      now: () => new Date('2026-11-21T00:00:00Z'),
    });
    const answer = (method: ServerNotice['method'], result: object, cursor?: string) =>
      tools.observe(
        { method, id, cursor },
        { kind: 'answer', id, result: Buffer.from(JSON.stringify(result)), error: undefined },
      );
    return {
      notices,
      tools,
      list: (...listed: readonly object[]) => answer('tools/list', { tools: listed }),
      page: (cursor: string | undefined, nextCursor: string | undefined, ...listed: object[]) =>
        answer('tools/list', { tools: listed, nextCursor }, cursor),
      greet: (instructions?: string) => answer('initialize', { instructions }),
      of: (name: string) => tools.of(name).findings.map(({ code, text }) => `${code}: ${text}`),
    };
  };
  return { session, file: file as PinFile, problems };
}

const SINCE = 'since 2026-11-21T00:00:00.000Z';

describe('ServerTools', () => {
  test('records what it sees first, and finds nothing in it again [X.pins]', () => {
    const { session } = home();
    const first = session();
    first.greet('Be kind');
    first.list(ADD, READ);
    expect(first.notices).toEqual([{ method: 'tools/list', pinned: 2, findings: [] }]);
    expect(first.of('add')).toEqual([]);
    const second = session();
    second.greet('Be kind');
    // Another order of members is the same tool.
    second.list(READ, {
      inputSchema: { type: 'object' },
      name: 'add',
      description: 'Adds numbers',
    });
    expect(second.notices).toEqual([]);
    expect(second.of('add')).toEqual([]);
  });

  for (const { name, now, want } of [
    { name: 'another description', now: { ...ADD, description: 'Adds' }, want: 'description' },
    {
      name: 'another schema',
      now: { ...ADD, inputSchema: { type: 'object', required: ['x'] } },
      want: 'inputSchema',
    },
    {
      name: 'new members',
      now: { ...ADD, _meta: { ui: 1 }, annotations: { readOnlyHint: true } },
      want: '_meta, annotations',
    },
  ]) {
    test(`finds ${name}, at the list and at the call [X.pins]`, () => {
      const { session } = home();
      session().list(ADD, READ);
      const later = session();
      later.list(now, READ);
      expect(later.notices).toMatchObject([
        { pinned: 0, findings: [{ code: 'tool_drift', text: `add: changed ${SINCE}: ${want}` }] },
      ]);
      expect(later.of('add')).toEqual([`tool_drift: changed ${SINCE}: ${want}`]);
      expect(later.of('read')).toEqual([]);
      later.list(now, READ);
      expect(later.notices).toHaveLength(1);
      // A session that never lists knows what the one before it has seen.
      expect(session().of('add')).toEqual([`tool_drift: changed ${SINCE}: ${want}`]);
      later.list(ADD, READ);
      expect(later.of('add')).toEqual([]);
    });
  }

  test('knows new, missing, doubled and unlisted tools over all pages [X.pins]', () => {
    const { session } = home();
    const first = session();
    first.page(undefined, '', ADD);
    expect(first.of('read')).toEqual([]);
    first.page('', undefined, READ);
    expect(first.of('read')).toEqual([]);
    expect(first.of('other')).toEqual(['tool_unlisted: the server does not list this tool']);
    const second = session();
    second.list(ADD, ADD, { ...ADD, name: 'write' });
    expect(second.of('write')).toEqual(['tool_new: the tool is new since the first use']);
    expect(second.of('add')).toEqual(['tool_duplicate: the server lists two tools of this name']);
    expect(second.notices[0]?.findings.map(({ text }) => text)).toContainEqual(
      'read: not listed since 2026-11-21T00:00:00.000Z',
    );
  });

  test('finds other instructions and another command, for every tool [X.pins]', () => {
    const { session } = home();
    const first = session();
    first.greet('Be kind');
    first.list(ADD);
    const second = session(['node', 'server.js', '--fast']);
    second.greet('Be quick');
    second.list(ADD);
    expect(second.of('add')).toEqual([
      `launch_drift: the command that starts the server changed ${SINCE}`,
      `server_drift: the server's instructions changed ${SINCE}`,
    ]);
  });

  test('forgets a change as soon as a person has accepted it', () => {
    const { session, file } = home();
    session().list(ADD);
    const later = session();
    later.list({ ...ADD, description: 'Adds' });
    expect(later.of('add')).toHaveLength(1);
    file.update((record) => {
      const entry = accepted(record.tools.get('add') ?? {});
      return { ...record, tools: new Map([['add', entry ?? {}]]) };
    });
    expect(later.of('add')).toEqual([]);
  });

  test('looks at every text of a tool, names of parameters too [X.text-checks]', () => {
    const { list, of } = home().session();
    list(
      { ...ADD, inputSchema: { properties: { a: { default: '<IMPORTANT>x</IMPORTANT>' } } } },
      { ...READ, inputSchema: { properties: { 'contents of ~/.ssh/id_rsa': {} } } },
      { name: 'note', description: 'Instead of send_email' },
    );
    expect(of('add')).toEqual(['instructions: markup that speaks to a model']);
    expect(of('read')).toEqual(['sensitive_path: the place of keys or of client settings']);
    expect(of('note')).toEqual(['other_server_tool: names send_email of server mail']);
  });

  test('keeps strange names apart, and says of a tool without one meaning that it has none', () => {
    const { session } = home();
    const list = (tools: string) => {
      const opened = session();
      const result = Buffer.from(`{"tools":${tools}}`);
      const request = { method: 'tools/list', id, cursor: undefined } as const;
      opened.tools.observe(request, { kind: 'answer', id, result, error: undefined });
      return opened;
    };
    const first = list(
      '[{"name":"__proto__","a":1},{"name":"constructor"},{"name":"n","x":1e999}]',
    );
    expect(first.of('__proto__')).toEqual([]);
    expect(first.of('n')).toEqual(['tool_unreadable: the tool has no one meaning']);
    const second = list('[{"name":"__proto__","a":2},{"name":"constructor"}]');
    expect(second.of('__proto__')).toEqual([`tool_drift: changed ${SINCE}: a`]);
    expect(second.of('constructor')).toEqual([]);
  });

  test('without a file, the first list of the session is the measure', () => {
    const { list, of } = home('').session();
    list(ADD);
    list({ ...ADD, description: 'Adds' });
    expect(of('add')).toEqual([`tool_drift: changed ${SINCE}: description`]);
  });

  test('does not take pins that it cannot read for none [X.pins]', () => {
    const { session, problems } = home(temporaryFolder()); // a folder where the file should be
    const { list, of, notices } = session();
    list(ADD);
    expect(of('add')).toEqual(['pins_unreadable: the pins of this server cannot be read']);
    expect(notices).toMatchObject([{ pinned: 0, findings: [{ code: 'pins_unreadable' }] }]);
    expect(problems).toEqual(['PINS_UNREADABLE']);
  });

  test('keeps no more than it has room for of a list without end', () => {
    const { session, file } = home();
    const { page, of } = session();
    for (let at = 0; at < 5; at += 1) {
      const tools = Array.from({ length: 1000 }, (_, index) => ({ name: `t${at}-${index}` }));
      page(at === 0 ? undefined : String(at), String(at + 1), ...tools);
    }
    expect(file.read().tools.size).toBe(4096);
    expect(of('t0-0')).toEqual([]);
  });
});
