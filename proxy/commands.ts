import type { CommandName } from './command-names.ts';

/** A word behind `mcp-proxy` that is no server. Returns the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when asked for, together and one by one: a proxy that serves must not load any of them. */
export const COMMANDS: Readonly<Record<CommandName, () => Promise<{ readonly run: Command }>>> = {
  'serve-http': () => import('./http/serve-http-command.ts'),
  pins: () => import('./pins/pins-command.ts'),
  rules: () => import('./rules-command.ts'),
  doctor: () => import('./doctor/doctor-command.ts'),
  bench: () => import('./bench/bench-command.ts'),
  init: () => import('./init/init-command.ts'),
};
