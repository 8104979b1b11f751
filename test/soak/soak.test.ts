import { expect, test } from 'vitest';
import { soak } from './soak.ts';

const seed = Number(process.env['OBSIGNA_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

// The long form is `npm run soak`.
for (const through of ['serve-http', '-url'] as const) {
  test(
    `[P1.outcome-frame] [P7.soak] slow streams and hang-ups through ${through} leave nothing behind (OBSIGNA_SEED=${seed})`,
    { timeout: 180_000 },
    async () => {
      const { faults, calls } = await soak({ through, visitors: 40, seconds: 3, seed });
      expect(faults).toEqual([]);
      expect(calls).toBeGreaterThan(80);
    },
  );
}
