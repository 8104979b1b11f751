import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

// `npm run soak -- --through serve-http --visitors 200 --seconds 300 --seed 1`: slow streams and
// hang-ups; `--through url` has `mcp-proxy -url` in between. Exit 0 when nothing is left behind and every call has its one receipt.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    through: { type: 'string', default: 'serve-http' },
    visitors: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const say = (line: string) => void process.stderr.write(`${line}\n`);
const plan = {
  through: values.through === 'url' ? ('-url' as const) : ('serve-http' as const),
  visitors: Number(values.visitors),
  seconds: Number(values.seconds),
  seed: Number(values.seed),
};
say(`seed ${plan.seed}: ${plan.visitors} at once through ${plan.through} for ${plan.seconds} s`);
const { faults, ...figures } = await soak({ ...plan, log: say });
process.stdout.write(`${JSON.stringify({ seed: plan.seed, ...figures, faults: faults.length })}\n`);
for (const fault of faults.slice(0, 20)) say(`FAULT ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
