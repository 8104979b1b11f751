import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventFrame } from '../../shared/wire/event.ts';
import { parseFrame } from '../../shared/wire/parse-frame.ts';
import { eventMembers } from '../../test/fixtures/daemon-client.ts';
import type { Disclosure } from './discloser.ts';
import { SealingQueue } from './sealing-queue.ts';

function eventOf(name: string, bytes = 0): EventFrame {
  const members = eventMembers({ tool: { name }, input: { x: 'x'.repeat(bytes) } });
  return parseFrame(Buffer.from(JSON.stringify(members))) as EventFrame;
}

/** A queue whose envelopes are ready when the test says so. `sealed` names those that get one. */
function makeQueue(sealed: (name: string) => boolean) {
  const ready = new Map<string, (disclosure: Disclosure) => void>();
  const out: [string, Disclosure | undefined][] = [];
  const queue = new SealingQueue(
    {
      seal: ({ toolName }) =>
        sealed(toolName) ? new Promise((resolve) => ready.set(toolName, resolve)) : undefined,
    },
    ({ toolName }, disclosure) => out.push([toolName, disclosure]),
  );
  return { queue, ready, out, names: () => out.map(([name]) => name) };
}

test('[D.disclosure] SealingQueue keeps the order of a connection, however long each envelope takes', async () => {
  const frames = fc.array(fc.record({ sealed: fc.boolean(), turn: fc.nat() }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(frames, async (given) => {
      const { queue, ready, out, names } = makeQueue(
        (name) => given[Number(name)]?.sealed === true,
      );
      given.forEach((_, at) => queue.push(eventOf(String(at))));
      const straight = given.findIndex(({ sealed }) => sealed);
      expect(out).toHaveLength(straight === -1 ? given.length : straight);
      const done = queue.handedOn();
      const order = [...ready.entries()].sort(
        ([a], [b]) => (given[Number(a)]?.turn ?? 0) - (given[Number(b)]?.turn ?? 0),
      );
      for (const [name, resolve] of order) {
        resolve({ parameters: name as never });
        await Promise.resolve();
      }
      await done;
      expect(names()).toEqual(given.map((_, at) => String(at)));
      for (const [name, disclosure] of out) {
        const want = given[Number(name)]?.sealed === true ? { parameters: name } : undefined;
        expect(disclosure).toEqual(want);
      }
    }),
    { numRuns: 60 },
  );
});

for (const { name, count, bytes } of [
  { name: 'many frames', count: 256, bytes: 0 },
  { name: 'many bytes', count: 5, bytes: 1_000_000 },
]) {
  test(`SealingQueue is full with ${name}, and tells when there is room`, async () => {
    const { queue, ready } = makeQueue(() => true);
    for (let at = 0; at < count; at += 1) {
      expect(queue.isFull).toBe(false);
      queue.push(eventOf(String(at), bytes));
    }
    expect(queue.isFull).toBe(true);
    const room = new Promise<void>((resolve) => queue.whenRoom(resolve));
    ready.get('0')?.({});
    await room;
    expect(queue.isFull).toBe(false);
  });
}
