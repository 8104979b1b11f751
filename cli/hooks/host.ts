import { homedir } from 'node:os';
import type { Cli } from '../cli.ts';
import type { HookHost } from './agents.ts';

/** Where the files of agents are, for whoever runs this program. */
export function hookHost({ env }: Pick<Cli, 'env'>): HookHost {
  const { HOME: home = '' } = env;
  return { env, home: home === '' ? homedir() : home, cwd: process.cwd() };
}
