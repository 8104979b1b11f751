import { homedir } from 'node:os';
import { emitterSocket } from '../shared/paths.ts';

/** The socket an emitter dials when it was not told one; empty where it cannot be known. */
export function defaultSocketPath(env: NodeJS.ProcessEnv = process.env): string {
  return emitterSocket({ env, platform: process.platform, home: homedir() });
}
