import type { Buffer } from 'node:buffer';

// Written into a variable, because a plain JavaScript module has no types to look for.
const server = new URL('../fixtures/mcp-lax-server.mjs', import.meta.url).href;

/** Every tool call that the most forgiving reader could see in these bytes. */
export const { findCalls } = (await import(server)) as {
  findCalls: (bytes: Buffer) => readonly string[];
};
