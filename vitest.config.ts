import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/dist/**'],
    testTimeout: 30_000,
    // A busy machine is no reason to fail: a poll that never succeeds still does.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 60_000,
    // Processes, not threads: tests change umask, environment and working directory, and load
    // native code. Two, because crash and load tests start many programs of their own.
    pool: 'forks',
    maxWorkers: 2,
  },
});
