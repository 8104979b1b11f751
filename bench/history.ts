import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Load, startDaemon } from './daemon.ts';
import { cleanEnvironment, Lab } from './lab.ts';
import { cpuNs, memoryOf, type Memory } from './proc.ts';

// `node scripts/run.mjs bench/history.ts -- --receipts 1000000`: does memory grow with history? One
// daemon writes them all, through 64 emitters; then one `receipt verify` reads them all.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: { receipts: { type: 'string', default: '1000000' } },
});

const EMITTERS = 64;
const FIRST = 1000;
const SAMPLE_MS = 250;

interface Sample extends Memory {
  readonly seconds: number;
}

const receipts = Number(values.receipts);
const lab = new Lab(process.cwd(), true);
try {
  await measure();
} finally {
  await lab.close();
}

async function measure(): Promise<void> {
  const daemon = await startDaemon(lab);
  const load = new Load(lab, daemon);
  const startedAt = performance.now();
  let first: Memory | undefined;
  let before = 0;
  for (const total of milestones()) {
    await load.run(EMITTERS, total - before);
    before = total;
    const memory = memoryOf(daemon.child.pid);
    first ??= memory;
    const ratio = (memory.rssMb / first.rssMb).toFixed(2);
    const seconds = (performance.now() - startedAt) / 1000;
    say(
      `${total} receipts after ${seconds.toFixed(0)} s: daemon ${mb(memory)}, ` +
        `${ratio} x after ${FIRST}, ${(cpuNs(daemon.child.pid) / 1e3 / total).toFixed(0)} µs CPU each`,
    );
  }
  await load.end();
  await daemon.stop();
  const bare = await sample(['-e', 'setTimeout(() => {}, 1000)']);
  say(`a bare node: ${mb(bare.at(-1) as Sample)}`);
  const flags = ['-db', daemon.db, '-public-key', daemon.publicKey];
  const verify = [...lab.program('obsigna'), 'receipt', 'verify', ...flags];
  const samples = await sample(verify);
  const half = samples[Math.floor(samples.length / 2)] as Sample;
  const last = samples.at(-1) as Sample;
  say(
    `receipt verify of ${receipts}: ${last.seconds.toFixed(0)} s; half way ${mb(half)}; at the end ${mb(last)}`,
  );
}

function milestones(): readonly number[] {
  const steps = [FIRST, 10_000, 100_000, 250_000, 500_000, 750_000].filter((n) => n < receipts);
  return [...steps, receipts];
}

/** Runs a program to its end and looks at its memory on the way. */
async function sample(args: readonly string[]): Promise<readonly Sample[]> {
  const startedAt = performance.now();
  const child = lab.spawn(args, ['ignore', 'ignore', 'inherit'], cleanEnvironment());
  const exited = once(child, 'exit');
  const samples: Sample[] = [];
  const timer = setInterval(() => {
    try {
      const seconds = (performance.now() - startedAt) / 1000;
      samples.push({ ...memoryOf(child.pid), seconds });
    } catch {
      // It has just ended.
    }
  }, SAMPLE_MS);
  const [code] = (await exited) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return samples;
}

function mb({ rssMb, peakMb }: Memory): string {
  return `${rssMb.toFixed(0)} MB (peak ${peakMb.toFixed(0)})`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
