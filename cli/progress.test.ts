import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Cli } from './cli.ts';
import { createCli } from './cli.ts';
import { Output } from './output.ts';
import { Progress } from './progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes what would be written. */
class Recorder extends Output {
  text = '';

  constructor() {
    super(2);
  }

  override write(text: string): void {
    this.text += text;
  }

  override flush(): void {}
}

function run(cli: Partial<Cli>, receipts: number, isAsked?: boolean): string {
  const err = new Recorder();
  const progress = new Progress(
    { ...createCli(), errIsTerminal: true, env: {}, ...cli, err },
    () => 4096,
    isAsked,
  );
  for (let i = 0; i < receipts; i += 1) {
    vi.advanceTimersByTime(1);
    progress.step('2026-06-15');
  }
  progress.clear();
  return err.text;
}

test('Progress shows one line after a second, and takes it away', () => {
  const text = run({}, 2048);
  const drawn = text.split('\r\u001b[K');
  expect(drawn[1]).toBe('verified 1,024 of 4,096 receipts, chain 2026-06-15');
  expect(drawn.at(-1)).toBe('');
});

for (const { name, cli, receipts = 2048 } of [
  { name: 'short work', cli: {}, receipts: 512 },
  { name: 'a pipe', cli: { errIsTerminal: false } },
  { name: 'TERM=dumb', cli: { env: { TERM: 'dumb' } } },
  { name: 'CI', cli: { env: { CI: '1' } } },
  { name: 'NO_COLOR', cli: { env: { NO_COLOR: '1' } } },
]) {
  test(`Progress says nothing for ${name}`, () => {
    expect(run(cli, receipts)).toBe('');
  });
}

for (const { name, cli } of [
  { name: 'a pipe', cli: { errIsTerminal: false } },
  { name: 'TERM=dumb', cli: { env: { TERM: 'dumb' } } },
  { name: 'CI', cli: { env: { CI: '1' } } },
]) {
  test(`Progress writes lines and moves no cursor for ${name} when it is asked to`, () => {
    expect(run(cli, 7000, true)).toBe(
      'verified 1,024 of 4,096 receipts, chain 2026-06-15\n' +
        'verified 6,144 of 4,096 receipts, chain 2026-06-15\n',
    );
  });
}
