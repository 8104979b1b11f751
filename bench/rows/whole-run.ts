import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { cleanEnvironment, type Lab, type Program } from '../lab.ts';

export interface WholeRun {
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly peakMb: number;
}

/** Runs a program to its end; its output is read and thrown away, as a terminal would. */
export async function wholeRun(
  lab: Lab,
  program: Program,
  args: readonly string[],
): Promise<WholeRun> {
  const command = ['--require', lab.script('report-usage.cjs'), ...lab.program(program), ...args];
  const startNs = process.hrtime.bigint();
  const child = lab.spawn(command, ['ignore', 'pipe', 'pipe', 'pipe'], {
    ...cleanEnvironment(),
    NO_COLOR: '1',
  });
  let complaint = '';
  let usage = '';
  child.stdout?.resume();
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk).slice(-2000)));
  (child.stdio[3] as Readable).on('data', (chunk: Buffer) => (usage += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  const wallNs = Number(process.hrtime.bigint() - startNs);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${complaint}`);
  const { cpuUs, maxRssKiB } = JSON.parse(usage) as { cpuUs: number; maxRssKiB: number };
  return { wallNs, cpuNs: cpuUs * 1000, peakMb: maxRssKiB / 1024 };
}
