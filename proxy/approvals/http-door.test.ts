import { request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Answer, Desk, Reception } from './door.ts';
import { openHttpDoor, type HttpDoor } from './http-door.ts';
import type { Question } from './question.ts';

const QUESTION: Question = {
  id: 'a'.repeat(32),
  digest: `sha256:${'d'.repeat(64)}`,
  subject: {
    server: 'srv',
    toolName: 'edit_file',
    argumentsHash: `sha256:${'e'.repeat(64)}`,
    rule: 'ask',
    policyDigest: 'sha256:p',
    sessionId: 's',
  },
  tool: 'edit_file',
  ruleDescription: '',
  risk: { score: 20, operation: 'write', operations: ['write'], reasons: [] },
  arguments: '{"a":1}',
  askedAtMs: 0,
  expiresAtMs: 60_000,
};

class FakeDesk implements Desk {
  readonly answers: (Answer & { id: string })[] = [];
  readonly turned: string[] = [];
  reception: Reception = 'taken';

  answer(id: string, answer: Answer): Reception {
    this.answers.push({ id, ...answer });
    return this.reception;
  }

  closed(): void {
    this.turned.push('closed');
  }

  turnedAway(_: string, why: string): void {
    this.turned.push(why);
  }
}

let door: HttpDoor;
let desk: FakeDesk;

beforeEach(async () => {
  door = await openHttpDoor({ host: '127.0.0.1', port: 0 });
  desk = new FakeDesk();
  door.attach(desk);
  door.ask(QUESTION);
});
afterEach(() => door.close());

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function send({ method = 'POST', path = '', headers = {}, body = '' }: Sent) {
  const options = { method, headers: { authorization: `Bearer ${door.token}`, ...headers } };
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const sent = request(`${door.url}${path}`, options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode, body: text }));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const ROOT = '/api/tool-calls';
const APPROVE = `${ROOT}/${QUESTION.id}/approve`;

// Codes and bodies that callers of the protocol know.
for (const { name, sent, status, body, counts = 0 } of [
  {
    name: 'an approval',
    sent: { path: APPROVE },
    status: 200,
    body: '{"status":"approved"}',
    counts: 1,
  },
  {
    name: 'a denial',
    sent: { path: `${ROOT}/x/deny` },
    status: 200,
    body: '{"status":"denied"}',
    counts: 1,
  },
  {
    name: 'more segments',
    sent: { path: `${APPROVE}/x` },
    status: 200,
    body: '{"status":"approved"}',
    counts: 1,
  },
  {
    name: 'a body that is no object',
    sent: { path: APPROVE, body: 'a=b' },
    status: 200,
    body: '{"status":"approved"}',
    counts: 1,
  },
  { name: 'GET', sent: { path: APPROVE, method: 'GET' }, status: 404, body: 'not found\n' },
  { name: 'another action', sent: { path: `${ROOT}/x/y` }, status: 404, body: 'not found\n' },
  { name: 'a short path', sent: { path: `${ROOT}/x` }, status: 400, body: 'invalid path\n' },
  { name: 'another path', sent: { path: '/' }, status: 404, body: '404 page not found\n' },
  {
    name: 'no token',
    sent: { path: APPROVE, headers: { authorization: '' } },
    status: 401,
    body: 'unauthorized\n',
  },
  {
    name: 'a wrong token',
    sent: { path: APPROVE, headers: { authorization: `Bearer ${'0'.repeat(64)}` } },
    status: 401,
    body: 'unauthorized\n',
  },
  {
    name: 'a list without token',
    sent: { path: ROOT, method: 'GET', headers: { authorization: 'x' } },
    status: 401,
    body: 'unauthorized\n',
  },
  {
    name: 'a page of another origin',
    sent: { path: APPROVE, headers: { origin: 'http://evil.example' } },
    status: 403,
    body: 'forbidden\n',
  },
  {
    name: 'a page without origin',
    sent: { path: APPROVE, headers: { origin: 'null' } },
    status: 403,
    body: 'forbidden\n',
  },
  {
    name: 'a name bound to our address',
    sent: { path: APPROVE, headers: { host: 'evil.example:80' } },
    status: 403,
    body: 'forbidden\n',
  },
  {
    name: 'an unknown member',
    sent: { path: APPROVE, body: '{"grnat":"call"}' },
    status: 400,
    body: 'unknown member "grnat", expected reason, approver, digest, grant\n',
  },
  {
    name: 'a wrong grant',
    sent: { path: APPROVE, body: '{"grant":"all"}' },
    status: 400,
    body: 'grant is not one of call, session\n',
  },
  {
    name: 'half a body',
    sent: { path: APPROVE, body: '{"reason":' },
    status: 400,
    body: expect.any(String),
  },
]) {
  test(`the approval listener answers ${name} with ${status} [X.approvals]`, async () => {
    expect(await send(sent)).toEqual({ status, body });
    expect(desk.answers.length).toBe(counts);
  });
}

for (const { reception, status, body } of [
  { reception: 'APPROVAL_UNKNOWN', status: 404, body: 'no pending approval\n' },
  { reception: 'APPROVAL_USED', status: 404, body: 'no pending approval\n' },
  {
    reception: 'APPROVAL_MISMATCH',
    status: 409,
    body: expect.stringContaining('APPROVAL_MISMATCH'),
  },
  { reception: 'APPROVAL_VOID', status: 409, body: expect.stringContaining('APPROVAL_VOID') },
] as const) {
  test(`the approval listener says ${status} for ${reception}`, async () => {
    desk.reception = reception;
    expect(await send({ path: APPROVE })).toEqual({ status, body });
  });
}

test('an answer may say who, why, for how long and about what', async () => {
  const said = { approver: 'ann', reason: 'ok', grant: 'call', digest: QUESTION.digest };
  await send({ path: APPROVE, body: JSON.stringify(said) });
  expect(desk.answers).toEqual([
    {
      id: QUESTION.id,
      verdict: 'approve',
      door: 'http',
      by: 'ann',
      reason: 'ok',
      grant: 'call',
      digest: QUESTION.digest,
    },
  ]);
});

test('the list holds what waits, and arguments as text', async () => {
  const { status, body } = await send({ path: ROOT, method: 'GET' });
  expect(status).toBe(200);
  expect(JSON.parse(body)).toEqual({
    tool_calls: [
      expect.objectContaining({ id: QUESTION.id, digest: QUESTION.digest, arguments: '{"a":1}' }),
    ],
  });
  door.takeBack(QUESTION);
  expect((await send({ path: ROOT, method: 'GET' })).body).toBe('{"tool_calls":[]}');
});

test('a listener says whether others than this machine can reach it', async () => {
  expect(door.isLocal).toBe(true);
  const open = await openHttpDoor({ host: '0.0.0.0', port: 0 });
  expect(open.isLocal).toBe(false);
  open.close();
});

test('wrong tokens and origins reach the desk', async () => {
  await send({ path: APPROVE, headers: { authorization: 'Bearer x' } });
  await send({ path: APPROVE, headers: { origin: 'http://evil.example' } });
  expect(desk.turned).toEqual(['wrong token', 'wrong host or origin']);
});

test('a body without end is not read', async () => {
  const tooMuch = { path: APPROVE, body: `{"reason":"${'x'.repeat(100_000)}"}` };
  await expect(send(tooMuch)).resolves.toMatchObject({ status: 400 });
  expect(desk.answers).toEqual([]);
});
