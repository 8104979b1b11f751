import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { OpenRequests } from './open-requests.ts';
import { silentRecorder } from './recorder.ts';
import { SentCall } from './sent-call.ts';

const CALL = {
  name: 't',
  id: undefined,
  arguments: undefined,
  toolUseId: undefined,
  wantsTask: false,
};

function open(requests: OpenRequests, id: string): SentCall {
  const record = silentRecorder.begin({ tool: 't', call: undefined, context: {} });
  const call = new SentCall(record, {}, CALL);
  requests.add(Buffer.from(id), call);
  return call;
}

for (const { request, answer, same } of [
  { request: '1', answer: '1', same: true },
  { request: '1e2', answer: '100', same: true },
  { request: '1.0', answer: '1', same: true },
  { request: '-0', answer: '0', same: true },
  { request: '0', answer: '-0.0', same: true },
  { request: '-5', answer: '-5', same: true },
  { request: '1.5', answer: '15e-1', same: true },
  { request: '"a"', answer: '"\\u0061"', same: true },
  { request: '9007199254740993', answer: '9007199254740993', same: true },
  { request: 'null', answer: 'null', same: true },
  { request: '"1"', answer: '1', same: false },
  { request: '1', answer: '"1"', same: false },
  { request: '9007199254740993', answer: '9007199254740992', same: false },
  { request: '"null"', answer: 'null', same: false },
  { request: 'null', answer: '0', same: false },
  // No call has such an id; an answer with one belongs to none, also not to the call with null.
  { request: 'null', answer: 'true', same: false },
  { request: 'null', answer: '{}', same: false },
  { request: '"a"', answer: '"\\x61"', same: false }, // no JSON, and no reason to fall over
  { request: '"A"', answer: '"a"', same: false },
  { request: '"__proto__"', answer: '"constructor"', same: false },
]) {
  test(`OpenRequests: id ${request} ${same ? 'is' : 'is not'} answered by ${answer}`, () => {
    const requests = new OpenRequests();
    const call = open(requests, request);
    expect(requests.take(Buffer.from(answer))).toBe(same ? call : undefined);
    expect(requests.count).toBe(same ? 0 : 1);
  });
}

test('OpenRequests keeps calls with one id apart, in order, and says so [P3.duplicate-id]', () => {
  const requests = new OpenRequests();
  const [first, second] = [open(requests, '7'), open(requests, '7.0')];
  const alone = open(requests, '8');
  const take = (id: string) => requests.take(Buffer.from(id));
  expect([take('7'), take('7'), take('7'), take('8')]).toEqual([first, second, undefined, alone]);
  expect([first, second, alone].map((call) => call.isAmbiguous)).toEqual([true, true, false]);
  expect(open(requests, '7').isAmbiguous).toBe(false);
  expect(requests.count).toBe(1);
});

test('OpenRequests remembers a call that was given up until its id is used again', () => {
  const requests = new OpenRequests();
  const id = Buffer.from('1');
  const call = open(requests, '1');
  requests.giveUp(id, call);
  expect([requests.count, requests.isEmpty]).toEqual([0, false]);
  expect(requests.take(id)).toBe(call);
  expect(requests.isEmpty).toBe(true);
  requests.giveUp(id, open(requests, '1'));
  const next = open(requests, '1');
  expect(requests.take(id)).toBe(next);
  expect(requests.isEmpty).toBe(true);
});

test('OpenRequests remembers a bounded number of calls that were given up', () => {
  const requests = new OpenRequests();
  for (let id = 0; id < 2000; id += 1)
    requests.giveUp(Buffer.from(`${id}`), open(requests, `${id}`));
  expect(requests.take(Buffer.from('0'))).toBeUndefined();
  expect(requests.take(Buffer.from('1999'))).toBeDefined();
});
