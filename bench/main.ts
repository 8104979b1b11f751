import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lab } from './lab.ts';
import { describeMachine } from './machine.ts';
import { readOptions, USAGE, type Options } from './options.ts';
import { Unmeasurable } from './proc.ts';
import { renderFigures, renderReport, withMarked, type Report } from './report.ts';
import { missingRow, type Row } from './row.ts';
import { acknowledgement } from './rows/acknowledgement.ts';
import type { Bench } from './rows/bench.ts';
import { chatty } from './rows/chatty.ts';
import { coldStart } from './rows/cold-start.ts';
import { daemonLoad } from './rows/daemon-load.ts';
import { disk } from './rows/disk.ts';
import { list } from './rows/list.ts';
import { manyProxies } from './rows/many-proxies.ts';
import { memory } from './rows/memory.ts';
import { micro } from './rows/micro.ts';
import { policy } from './rows/policy.ts';
import { roundTrip } from './rows/round-trip.ts';
import { scale } from './rows/scale.ts';
import { start } from './rows/start.ts';
import { throughput } from './rows/throughput.ts';
import { verify } from './rows/verify.ts';
import { workloads } from './rows/workloads.ts';
import { HopError } from './stdio-path.ts';

const BENCHES: readonly Bench[] = [
  roundTrip,
  throughput,
  daemonLoad,
  acknowledgement,
  start,
  memory,
  verify,
  list,
  disk,
  workloads,
  chatty,
  manyProxies,
  coldStart,
  scale,
  micro,
  policy,
];

async function main(): Promise<void> {
  let options: Options | 'help';
  try {
    options = readOptions(process.argv.slice(2), BENCHES);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (options === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const root = process.cwd(); // scripts/run.mjs starts every tool in the clone
  const lab = new Lab(root, options.isFull, options.profileFolder);
  const interrupted = () => void lab.close().then(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const { report, failures } = await takeAll(lab, options);
    save(root, report);
    print(report, options);
    if (failures > 0) process.exitCode = 1;
  } finally {
    await lab.close();
  }
}

function named({ name }: Bench, rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => ({ bench: name, ...row }));
}

async function takeAll(lab: Lab, { benches, isFull }: Options) {
  const startedAt = Date.now();
  const machine = describeMachine(lab.folder);
  const rows: Row[] = [];
  let failures = 0;
  for (const bench of benches) {
    process.stderr.write(`bench: ${bench.name} ... `);
    const before = Date.now();
    try {
      rows.push(...named(bench, await bench.run(lab)));
      process.stderr.write(`${((Date.now() - before) / 1000).toFixed(1)} s\n`);
    } catch (error) {
      // One measurement that cannot be taken must not cost the others.
      const { message, stack } = error as Error;
      if (!(error instanceof Unmeasurable)) failures += 1;
      const isTold = error instanceof Unmeasurable || error instanceof HopError;
      process.stderr.write(`failed\n${isTold ? message : stack}\n`);
      const why = message.split('\n')[0] ?? '';
      rows.push(...named(bench, [missingRow(bench.title, why)]));
    }
  }
  const seconds = (Date.now() - startedAt) / 1000;
  const form = isFull ? 'full' : 'short';
  const command = ['npm run bench', ...words(process.argv.slice(2))].join(' ');
  const report: Report = { command, form, machine, seconds, rows };
  return { report, failures };
}

/** As somebody would type them. */
function words(args: readonly string[]): readonly string[] {
  const quoted = args.map((word) => (/^[\w./,=-]+$/.test(word) ? word : `'${word}'`));
  return args.length === 0 ? [] : ['--', ...quoted];
}

function save(root: string, report: Report): void {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify(report, null, 2)}\n`;
  writeFileSync(join(folder, `${report.machine.date.replaceAll(':', '-')}.json`), text);
  writeFileSync(join(folder, 'latest.json'), text);
}

function print(report: Report, { isJson, isMarkdown, page }: Options): void {
  if (page !== undefined) {
    writeFileSync(page, withMarked(readFileSync(page, 'utf8'), 'figures', renderFigures(report)));
    process.stderr.write(`bench: wrote the figures into ${page}\n`);
  }
  if (isJson) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else if (isMarkdown) process.stdout.write(renderFigures(report));
  else process.stdout.write(renderReport(report));
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${String((error as Error).stack)}\n`);
  process.exitCode = 1;
});
