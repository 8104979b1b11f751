import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withMarked, type Report } from './report.ts';

// `node scripts/run.mjs bench/fleet.ts -- --machines 10000 --calls 50`: what a fleet makes in a day and
// what one collector behind it has to hold and to do, on paper. Every input is a figure of the last
// `npm run bench`, so whoever doubts a product can repeat its factors.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    machines: { type: 'string', default: '10000' },
    calls: { type: 'string', default: '50' },
    into: { type: 'string' },
    results: { type: 'string', default: join('bench', 'results', 'latest.json') },
  },
});

const SECONDS_A_DAY = 86_400;
const HASH_BYTES = 32;
const GB = 1e9;

const machines = Number(values.machines);
const callsPerMinute = Number(values.calls);
const { rows, machine } = JSON.parse(readFileSync(values.results, 'utf8')) as Report;

/** A figure of the run, by the beginning of its row's name. */
function figure(row: string, side: 'floor' | 'measured', bench: string): number {
  const found = rows.find((it) => it.row.startsWith(row))?.[side];
  if (found === undefined) {
    throw new Error(
      `${values.results} has no row "${row}": npm run bench -- --only ${bench} first`,
    );
  }
  return found;
}

function lines(): readonly (readonly [what: string, value: string, how: string])[] {
  const textBytes = figure('bytes on disk per receipt', 'floor', 'disk,verify,daemon-load');
  const diskBytes = figure('bytes on disk per receipt', 'measured', 'disk,verify,daemon-load');
  const verified = figure('verify, one thread', 'measured', 'disk,verify,daemon-load');
  const daemonNs = figure('daemon CPU per receipt, 64', 'measured', 'disk,verify,daemon-load');
  const perSecond = (machines * callsPerMinute) / 60;
  const perDay = perSecond * SECONDS_A_DAY;
  const ofOne = perDay / machines;
  const depth = Math.ceil(Math.log2(perDay));
  return [
    [
      'receipts per second',
      number(perSecond),
      `${number(machines)} x ${callsPerMinute} / 60; one for each call`,
    ],
    ['receipts per day', number(perDay), 'x 86,400'],
    [
      'one machine: signatures per second',
      (perSecond / machines).toFixed(2),
      'one for each receipt',
    ],
    [
      'one machine: share of a core',
      percent((perSecond / machines) * daemonNs * 1e-9),
      `x ${number(daemonNs / 1000)} µs of daemon CPU per receipt`,
    ],
    [
      'one machine: disk per day',
      `${number((ofOne * diskBytes) / 1e6)} MB`,
      `${number(ofOne)} x ${number(diskBytes)} B`,
    ],
    [
      'collector: verifications per second',
      number(perSecond),
      'every signature and every link once more',
    ],
    [
      'collector: cores for that',
      (perSecond / verified).toFixed(2),
      `/ ${number(verified)} per second and thread; chains are independent of each other`,
    ],
    [
      'collector: cores to catch up one day in four hours',
      ((perSecond * 7) / verified).toFixed(1),
      'what comes meanwhile, and six times as much',
    ],
    [
      'collector: network',
      `${number((perSecond * textBytes * 8) / 1e6)} Mbit/s`,
      `x ${number(textBytes)} B of text`,
    ],
    [
      'collector: storage per day',
      `${number((perDay * diskBytes) / GB)} GB`,
      `x ${number(diskBytes)} B`,
    ],
    [
      'collector: Merkle nodes per day',
      number(2 * perDay - 1),
      'a tree of n leaves has n - 1 inner nodes',
    ],
    [
      'collector: bytes of those',
      `${number((2 * perDay * HASH_BYTES) / GB)} GB`,
      'x 32 B; leaves can be computed from receipts, which halves it',
    ],
    [
      'an inclusion proof',
      `${depth * HASH_BYTES} B`,
      `${depth} hashes: log2 of the leaves of a day`,
    ],
    [
      'collector: in memory',
      `${number((machines * 200 + depth * HASH_BYTES) / 1e6)} MB`,
      'a head of 200 B for each chain, and the right edge of the tree',
    ],
  ];
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`;
}

try {
  const table = [['What', 'Value', 'How'], ['---', '---', '---'], ...lines()];
  const text = table.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  const page = `${text}\nFrom a run on ${machine.cpu}, Node ${machine.node}, ${machine.date}.\n`;
  if (values.into === undefined) process.stdout.write(page);
  else writeFileSync(values.into, withMarked(readFileSync(values.into, 'utf8'), 'fleet', page));
} catch (error) {
  process.stderr.write(`fleet: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
