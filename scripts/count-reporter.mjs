import { writeFileSync } from 'node:fs';

/**
 * A vitest reporter that writes `{passed, failed, skipped}` to the file named by OBSIGNA_COUNT.
 * A file that does not load, a hook that throws and an error outside every test count as failed:
 * each of them means that something promised was not shown.
 */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state === 'pending' ? 'failed' : state] += 1; // pending: the run ended before it
      }
      const suites = [module, ...module.children.allSuites()];
      count.failed += suites.filter((suite) => suite.errors().length > 0).length;
    }
    if (reason === 'interrupted' && count.failed === 0) count.failed = 1;
    writeFileSync(process.env.OBSIGNA_COUNT, JSON.stringify(count));
  }
}
