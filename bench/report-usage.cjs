// Preloaded into a program that is measured as a whole: what it used, written to descriptor 3 as
// it ends. The kernel's own figures, so short programs and peaks are exact.
const { writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpuUs: userCPUTime + systemCPUTime, maxRssKiB: maxRSS }));
});
