import { parseArgs } from 'node:util';
import { runCalls } from './calls.ts';

// `npm run crash -- --calls 100000 --kills 400 --seed 1`: real proxies, servers and a daemon, killed
// at random. Exit 0 when every call is accounted for.
const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    calls: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '200' },
    agents: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const say = (line: string) => void process.stderr.write(`${line}\n`);
const plan = {
  calls: Number(values.calls),
  kills: Number(values.kills),
  agents: Number(values.agents),
  seed: Number(values.seed),
};
say(`seed ${plan.seed}: ${plan.calls} calls, ${plan.agents} agents, ${plan.kills} kills`);
const { faults, ...figures } = await runCalls({ ...plan, log: say });
process.stdout.write(`${JSON.stringify({ seed: plan.seed, ...figures, faults: faults.length })}\n`);
for (const fault of faults.slice(0, 20)) say(`FAULT ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
