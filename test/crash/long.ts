import { parseArgs } from 'node:util';
import { runCrash } from './harness.ts';

// `node scripts/run.mjs test/crash/long.ts --frames 20000 --kills 10 --seed 1`: the crash test at
// length. Exit 0 when nothing acknowledged was lost and everything else is accounted for.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    frames: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '10' },
    emitters: { type: 'string', default: '64' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const say = (line: string) => void process.stderr.write(`${line}\n`);
const plan = {
  frames: Number(values.frames),
  kills: Number(values.kills),
  emitters: Number(values.emitters),
  seed: Number(values.seed),
};
say(`seed ${plan.seed}: ${plan.frames} frames, ${plan.emitters} emitters, ${plan.kills} kills`);
const { faults, ...figures } = await runCrash({ ...plan, log: say });
process.stdout.write(`${JSON.stringify({ seed: plan.seed, ...figures, faults: faults.length })}\n`);
for (const fault of faults.slice(0, 20)) say(`FAULT ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
