import { expect, test } from 'vitest';
import type { JsonObject } from '../../shared/json/value.ts';
import { ApprovalBoard, type Asker } from './board.ts';

const OWNER = 1000;
const DIGEST = `sha256:${'d'.repeat(64)}`;

function party(uid: number, pushed: JsonObject[] = []): Asker {
  return {
    peer: { platform: 'linux', pid: uid + 1, uid, gid: uid, exe_path: '/bin/x' },
    principalId: `did:user:u${uid}`,
    push: (frame) => void pushed.push(frame),
  };
}

const idOf = (number: number) => number.toString(16).padStart(32, '0');
const question = (id: string): JsonObject => ({ id, digest: DIGEST, server: 's', tool: 't' });
const answer = { id: idOf(1), digest: DIGEST, verdict: 'approve' } as const;

test('ApprovalBoard lets the owner and root list and answer, and nobody else [X.approvals]', async () => {
  const board = new ApprovalBoard(OWNER);
  const asker = party(1001); // whoever may report may ask
  board.ask(asker, idOf(1), question(idOf(1)));
  for (const uid of [1001, 65_534]) {
    const refused = expect.objectContaining({ code: 'APPROVAL_UNAUTHORIZED' });
    expect(() => board.list(party(uid))).toThrow(refused);
    expect(() => board.show(party(uid), idOf(1))).toThrow(refused);
    await expect(board.answer(party(uid), answer)).rejects.toEqual(refused);
  }
  for (const uid of [OWNER, 0]) {
    expect(board.list(party(uid))).toMatchObject([{ id: idOf(1), asked_by: { uid: 1001 } }]);
  }
});

test('ApprovalBoard relays an answer with who gave it, and what the proxy says to it', async () => {
  const board = new ApprovalBoard(OWNER);
  const pushed: JsonObject[] = [];
  const asker = party(1001, pushed);
  board.ask(asker, idOf(1), question(idOf(1)));
  const said = board.answer(party(OWNER), { ...answer, reason: undefined });
  const peer = { principal: 'did:user:u1000', pid: 1001, uid: OWNER, exe_path: '/bin/x' };
  expect(pushed).toEqual([
    { approvals: { ...answer, op: 'answer', relay: 1, by: 'did:user:u1000', peer } },
  ]);
  board.received(party(1002), 1, undefined); // another connection says nothing for this one
  board.received(asker, 1, { code: 'APPROVAL_USED', error: 'x' });
  expect(await said).toEqual({ code: 'APPROVAL_USED', error: 'x' });
});

test('ApprovalBoard forgets questions with their connection', async () => {
  const board = new ApprovalBoard(OWNER);
  const asker = party(1001);
  board.ask(asker, idOf(1), question(idOf(1)));
  const said = board.answer(party(OWNER), answer);
  board.left(asker);
  expect(await said).toMatchObject({ code: 'APPROVAL_EXPIRED' });
  expect(board.list(party(OWNER))).toEqual([]);
});

test('ApprovalBoard lets nobody withdraw or replace the question of another', () => {
  const board = new ApprovalBoard(OWNER);
  board.ask(party(1001), idOf(1), question(idOf(1)));
  board.withdraw(party(1002), idOf(1));
  expect(() => board.ask(party(1002), idOf(1), question(idOf(1)))).toThrow(
    expect.objectContaining({ code: 'FRAME_INVALID' }),
  );
  expect(board.list(party(OWNER)).length).toBe(1);
});

test('ApprovalBoard keeps a bounded number of questions, and a list fits a frame', () => {
  const board = new ApprovalBoard(OWNER);
  const long = { ...question(''), arguments: '\\"'.repeat(10_000) };
  const ask = (asker: Asker, from: number, count: number) => {
    for (let i = from; i < from + count; i += 1)
      board.ask(asker, idOf(i), { ...long, id: idOf(i) });
  };
  const refused = expect.objectContaining({ code: 'TOO_MANY_APPROVALS' });
  expect(() => ask(party(1), 1000, 257)).toThrow(refused);
  expect(() => ask(party(2), 2000, 256)).not.toThrow();
  expect(() => ask(party(3), 3000, 1)).toThrow(refused);
  expect(JSON.stringify(board.list(party(OWNER))).length).toBeLessThan(600_000);
});
