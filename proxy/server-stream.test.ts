import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRules } from '../policy/load-rules.ts';
import { FakeRecorder } from '../test/fixtures/proxy-recorder.ts';
import { Governor } from './governor.ts';
import { inspectClientLine } from './inspect.ts';
import { silentRecorder, type Recorder } from './recorder.ts';
import { ServerStream } from './server-stream.ts';

function governed(recorder: Recorder): Governor {
  return new Governor({
    serverName: 's',
    rules: parseRules('rules: []', 'none'),
    policyDigest: 'sha256:0',
    recorder,
    log: () => undefined,
  });
}

function streamTo(out: Buffer[]): ServerStream {
  return new ServerStream(governed(silentRecorder), (bytes) => void out.push(Buffer.from(bytes)));
}

type Step = { readonly push: string } | { readonly inject: string };

function run(steps: readonly Step[], { end = true } = {}): string {
  const out: Buffer[] = [];
  const stream = streamTo(out);
  for (const step of steps) {
    if ('push' in step) stream.push(Buffer.from(step.push, 'latin1'));
    else stream.inject(Buffer.from(step.inject, 'latin1'));
  }
  if (end) stream.end();
  return Buffer.concat(out).toString('latin1');
}

const LONG = 'x'.repeat(70_000);
for (const { name, steps, want } of [
  { name: 'between lines', steps: [{ push: 'a\n' }, { inject: '!\n' }], want: 'a\n!\n' },
  {
    name: 'before a line whose start was held back',
    steps: [{ push: 'a\nb' }, { inject: '!\n' }, { push: 'c\n' }],
    want: 'a\n!\nbc\n',
  },
  {
    name: 'behind a line that has left in part',
    steps: [{ push: LONG }, { inject: '!\n' }, { push: 'c\nd\n' }],
    want: `${LONG}c\nd\n!\n`,
  },
  {
    name: 'behind a fragment that never ends, on a line of its own',
    steps: [{ push: LONG }, { inject: '!\n' }, { inject: '?\n' }],
    want: `${LONG}\n!\n?\n`,
  },
]) {
  test(`ServerStream puts a line of ours ${name}`, () => {
    expect(run(steps)).toBe(want);
  });
}

test('ServerStream says how much of ours waits for the end of a line', () => {
  const stream = streamTo([]);
  stream.inject(Buffer.from('!\n'));
  stream.push(Buffer.from(LONG));
  expect(stream.waitingBytes).toBe(0);
  stream.inject(Buffer.from('!\n'));
  stream.inject(Buffer.from('??\n'));
  expect(stream.waitingBytes).toBe(5);
  stream.push(Buffer.from('\n'));
  expect(stream.waitingBytes).toBe(0);
  stream.push(Buffer.from(LONG));
  stream.inject(Buffer.from('!\n'));
  stream.end();
  expect(stream.waitingBytes).toBe(0);
});

test('ServerStream passes a fragment at the end as it is, once [P4.crlf-noise]', () => {
  const out: Buffer[] = [];
  const stream = streamTo(out);
  stream.push(Buffer.from('\x00\xff\r\nhalf', 'latin1'));
  stream.end();
  stream.end();
  expect(Buffer.concat(out).toString('latin1')).toBe('\x00\xff\r\nhalf');
  stream.inject(Buffer.from('!\n'));
  expect(Buffer.concat(out).toString('latin1')).toBe('\x00\xff\r\nhalf\n!\n');
});

test('ServerStream keeps the bytes, and never puts ours inside a line', () => {
  const pieces = fc.oneof(
    fc.constantFrom('a', 'bc', '\n', 'd\n', '\r\n', 'e\nf', '\n\n', LONG, `${LONG}\n`),
    fc.string({ unit: 'binary-ascii', maxLength: 8 }),
  );
  const ours = '\u00fe!\n'; // a byte that the pieces do not have
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: pieces.map((push): Step => ({ push })) },
      { weight: 1, arbitrary: fc.constant<Step>({ inject: ours }) },
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const theirs = list.map((step) => ('push' in step ? step.push : '')).join('');
      const count = list.filter((step) => 'inject' in step).length;
      const parts = run(list).split(ours);
      expect(parts.length - 1).toBe(count);
      for (const part of parts.slice(0, -1)) expect(part === '' || part.endsWith('\n')).toBe(true);
      // The one byte that may be added ends the last line of a server that did not end it itself.
      const added = theirs !== '' && !theirs.endsWith('\n') && parts.at(-1) === '' && count > 0;
      expect(parts.join('')).toBe(added ? `${theirs}\n` : theirs);
    }),
  );
});

test('ServerStream looks at an answer when nobody waits for bytes, and before the next call', () => {
  const recorder = new FakeRecorder();
  const governor = governed(recorder);
  const out: string[] = [];
  const idle: (() => void)[] = [];
  const stream = new ServerStream(
    governor,
    (bytes) => void out.push(String(bytes)),
    () => undefined,
    (then) => void idle.push(then),
  );
  const call = (id: number) => {
    const line = `{"id":${id},"method":"tools/call","params":{"name":"read"}}`;
    const inspection = inspectClientLine(Buffer.from(line));
    if (inspection.kind === 'call') governor.rule(inspection.call);
  };
  call(1);
  stream.push(Buffer.from('{"id":1,"result":{}}\n'));
  expect([out.length, recorder.reports.length]).toEqual([1, 0]);
  idle.shift()?.();
  expect(recorder.reports).toMatchObject([{ ending: 'answered' }]);
  call(1);
  stream.push(Buffer.from('{"id":1,"result":{}}\n'));
  stream.settle(); // the client has said something
  expect(recorder.reports).toHaveLength(2);
  idle.shift()?.();
  expect([recorder.reports.length, idle.length]).toEqual([2, 0]);
});

test('ServerStream hears every answer among lines that it passes over, wherever the bytes are cut', () => {
  const count = 4;
  const notice = fc.constantFrom(
    '{"method":"notifications/progress"}',
    'noise',
    '',
    '{"result":{}}',
  );
  const streams = fc.array(fc.array(notice, { maxLength: 4 }), {
    minLength: count,
    maxLength: count,
  });
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 8 }), (between, cuts) => {
      const recorder = new FakeRecorder();
      const governor = governed(recorder);
      const stream = new ServerStream(governor, () => undefined);
      for (let id = 0; id < count; id += 1) {
        const call = `{"id":${id},"method":"tools/call","params":{"name":"t","arguments":{}}}`;
        const inspection = inspectClientLine(Buffer.from(call));
        if (inspection.kind !== 'call') throw new Error('not a call');
        governor.rule(inspection.call);
      }
      const answer = (id: number) => `{"jsonrpc":"2.0","id":${id},"result":{"n":${id}}}`;
      const lines = between.flatMap((list, id) => [...list, answer(id)]);
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      const places = cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b);
      for (const [index, start] of [0, ...places].entries()) {
        stream.push(bytes.subarray(start, places[index] ?? bytes.length));
      }
      stream.settle();
      expect(recorder.reports.map(({ output }) => output)).toEqual(
        Array.from({ length: count }, (_, id) => `{"n":${id}}`),
      );
    }),
  );
});
