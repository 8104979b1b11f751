import { expect, test } from 'vitest';
import { runCalls } from './calls.ts';

const seed = Number(process.env['OBSIGNA_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

// The long form is `npm run crash`.
test(
  `[P1.sigkill-acked] [P1.intent] [P1.require-receipt] 600 calls, 16 kills of proxies, servers and daemon (OBSIGNA_SEED=${seed})`,
  { timeout: 180_000 },
  async () => {
    const report = await runCalls({ calls: 600, kills: 16, agents: 4, seed });
    expect(report.faults).toEqual([]);
    expect(report.ran).toBeGreaterThan(400);
    expect(report.inGaps).toBeLessThan(report.ran / 4);
  },
);
