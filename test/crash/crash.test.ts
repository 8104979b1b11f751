import { expect, test } from 'vitest';
import { runCrash } from './harness.ts';

const seed = Number(process.env['OBSIGNA_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

// The long form is `node scripts/run.mjs test/crash/long.ts`.
test(
  `[P1.sigkill-acked] [P1.gapless] [P1.drop-count] 64 emitters, 4 kills (OBSIGNA_SEED=${seed})`,
  { timeout: 120_000 },
  async () => {
    const report = await runCrash({ frames: 4000, kills: 4, emitters: 64, seed });
    expect(report.faults).toEqual([]);
    // [D.roll] Killed around a roll, it has taken place or it has not: no chain is left half-way.
    for (const chain of report.chains) expect(chain).toMatch(/^crash(-\d)?: \d+ valid complete$/);
    expect(report.acknowledged).toBeGreaterThan(3000);
  },
);
