import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { emitterSocket, type HostFacts } from '../shared/paths.ts';

/** As `homedir` tells it, and without it where that is known: every agent waits for our start. */
export function homeFolder(): string {
  return process.env['HOME'] ?? homedir();
}

/** This machine and user, seen with that environment. */
export function hostFacts(env: NodeJS.ProcessEnv = process.env): HostFacts {
  const uid = process.getuid?.();
  return {
    env,
    platform: process.platform,
    home: homeFolder(),
    ...(uid !== undefined && { probe: { uid, exists: existsSync } }),
  };
}

/** The socket an emitter dials when it was not told one; empty where it cannot be known. */
export function defaultSocketPath(env: NodeJS.ProcessEnv = process.env): string {
  return emitterSocket(hostFacts(env));
}
