import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRules } from '../../policy/load-rules.ts';
import { FakeDoor } from '../../test/fixtures/proxy-door.ts';
import { FakeRecorder } from '../../test/fixtures/proxy-recorder.ts';
import { Governor } from '../governor.ts';
import { inspectClientLine } from '../inspect.ts';

const RULES = parseRules('rules: [{name: ask, action: pause}]\n', 'test');

/** What can happen, in any order: to the nth question, from the nth door. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('call' as const),
    tool: fc.constantFrom('a', 'b'),
    given: fc.nat(2),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    to: fc.nat(5),
    /** The question whose digest the answer carries. */
    digestOf: fc.option(fc.nat(5), { nil: undefined }),
    door: fc.nat(1),
    verdict: fc.constantFrom('approve' as const, 'deny' as const),
  }),
  fc.record({ kind: fc.constant('cancel' as const), id: fc.nat(5) }),
  fc.record({ kind: fc.constant('rules' as const), digest: fc.constantFrom('one', 'two') }),
  fc.record({ kind: fc.constant('end' as const) }),
);

test('whatever happens, a call leaves for one right answer or not at all [X.approval-bound]', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const doors = [new FakeDoor('http'), new FakeDoor('terminal')] as const;
    const recorder = new FakeRecorder();
    const inForce = { digest: 'one' };
    const governor = new Governor({
      serverName: 'srv',
      rules: RULES,
      policyDigest: 'one',
      recorder,
      log: () => undefined,
      approvals: { doors, sessionId: 's', timeoutMs: 60_000 },
    });
    const { asked } = doors[0];
    /** Calls that may leave: by the model, which knows nothing of the queue. */
    const mayLeave = new Set<number>();
    const isSettled = new Set<number>();
    const left: number[] = [];
    const answered: number[] = [];
    for (const each of steps) {
      switch (each.kind) {
        case 'call': {
          const id = asked.length;
          const params = { name: each.tool, arguments: { n: each.given } };
          const line = JSON.stringify({ id, method: 'tools/call', params });
          const inspection = inspectClientLine(Buffer.from(line));
          if (inspection.kind !== 'call') throw new TypeError('no call');
          const ruling = governor.rule(inspection.call);
          if (ruling.forward !== 'later') throw new TypeError('not paused');
          ruling.whenOver(() => {
            answered.push(id);
            if (ruling.settle().forward) left.push(id);
          });
          break;
        }
        case 'answer': {
          const question = asked[each.to];
          if (question === undefined) break;
          const digest = each.digestOf === undefined ? undefined : asked[each.digestOf]?.digest;
          const { verdict, to } = each;
          const isRight = digest === undefined || digest === question.digest;
          const isCurrent = question.subject.policyDigest === inForce.digest;
          if (!isSettled.has(to) && isRight) {
            if (verdict === 'approve' && isCurrent) mayLeave.add(to);
            isSettled.add(to);
          }
          doors[each.door as 0 | 1].answer({ verdict, digest }, question);
          break;
        }
        case 'cancel':
          // Also in the moment between the answer and the call's leaving: then it does not leave.
          if (!answered.includes(each.id)) mayLeave.delete(each.id);
          if (each.id < asked.length) isSettled.add(each.id);
          governor.cancel(Buffer.from(String(each.id)));
          break;
        case 'rules':
          inForce.digest = each.digest;
          governor.adopt({ rules: RULES, digest: each.digest });
          break;
        case 'end':
          for (let id = 0; id < asked.length; id += 1) isSettled.add(id);
          governor.clientEnded();
      }
      if (each.kind === 'end') await new Promise((resolve) => void setImmediate(resolve));
    }
    await new Promise((resolve) => void setImmediate(resolve));
    governor.end('the end');
    expect(left.sort()).toEqual([...mayLeave].sort());
    // And every call ends in one report.
    expect(recorder.reports.length).toBe(asked.length);
  });
  await fc.assert(property, { numRuns: 500 });
});
