import type { Bench } from './bench.ts';
export function againstDaemon(command: string): Bench {
  return { name: 'daemon', title: command, run: () => Promise.resolve([]) };
}
