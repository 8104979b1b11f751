import type { EventFrame } from '../../shared/wire/event.ts';

/** One call of an MCP tool, as the proxy or a hook of the agent told it. */
export interface Sighting {
  readonly by: 'proxy' | 'hook';
  readonly principalId: string;
  /** `mcp__server__tool` where a hook told it, else the tool's own name. */
  readonly tool: string;
  /** Known where the proxy told it. */
  readonly server: string;
  /** The agent's own id of the call, which some agents also give to the server. */
  readonly correlationId: string | undefined;
  readonly parametersHash: string | undefined;
  readonly atMs: number;
}

interface Seen {
  readonly sighting: Sighting;
  readonly receiptId: string;
}

/** The two tell of one call within a moment of each other: both when it has ended. */
const WINDOW_MS = 10_000;
const MAX_SIGHTINGS = 4096;
/** How agents call the tools of MCP servers; Cursor names no server. */
const HOOK_NAMES = ['mcp__', 'MCP:'];

/**
 * The calls of MCP tools that were recorded last and that nobody else has told of yet. Where an agent
 * has a hook and its server a proxy, each call is told twice; the second receipt names the first. In
 * memory only, and for seconds. See docs/adr/0029.
 */
export class Sightings {
  #seen: Seen[] = [];
  /** Until a hook has reported, nothing is worth remembering. */
  #hasHooks = false;

  /** Told of every frame; @returns Whether it may be one of two that tell of one call */
  concerns({ channel, heldBy, toolName }: EventFrame): boolean {
    if (heldBy !== undefined) this.#hasHooks = true;
    if (!this.#hasHooks) return false;
    return heldBy === undefined
      ? channel === 'mcp'
      : HOOK_NAMES.some((name) => toolName.startsWith(name));
  }

  /** The call that the other side told of; the oldest where several fit. */
  match(sighting: Sighting, taken: ReadonlySet<string>): string | undefined {
    const fits = this.#seen.find(
      ({ sighting: other, receiptId }) => !taken.has(receiptId) && isSame(sighting, other),
    );
    return fits?.receiptId;
  }

  add(sighting: Sighting, receiptId: string): void {
    const isOld = ({ sighting: { atMs } }: Seen) => Math.abs(sighting.atMs - atMs) > WINDOW_MS;
    const first = this.#seen.findIndex((seen) => !isOld(seen));
    this.#seen.splice(0, first === -1 ? this.#seen.length : first);
    this.#seen.push({ sighting, receiptId });
    if (this.#seen.length > MAX_SIGHTINGS) this.#seen.shift();
  }

  /** Told of by both: nobody else will. */
  settle(receiptIds: ReadonlySet<string>): void {
    if (receiptIds.size > 0)
      this.#seen = this.#seen.filter(({ receiptId }) => !receiptIds.has(receiptId));
  }
}

function isSame(a: Sighting, b: Sighting): boolean {
  if (a.by === b.by || a.principalId !== b.principalId) return false;
  if (Math.abs(a.atMs - b.atMs) > WINDOW_MS) return false;
  const [hook, proxy] = a.by === 'hook' ? [a, b] : [b, a];
  const hasId = hook.correlationId !== undefined && proxy.correlationId !== undefined;
  if (hasId) return hook.correlationId === proxy.correlationId && namesTool(hook.tool, proxy.tool);
  if (hook.parametersHash !== proxy.parametersHash) return false;
  if (hook.tool.startsWith('MCP:')) return hook.tool === `MCP:${proxy.tool}`;
  const server = spelled(proxy.server);
  const name = `${server}__${spelled(proxy.tool)}`;
  // A server of a plugin has the plugin's name before its own.
  return hook.tool === `mcp__${name}` || new RegExp(`^mcp__plugin_.*_${name}$`).test(hook.tool);
}

function namesTool(hookName: string, tool: string): boolean {
  return hookName === `MCP:${tool}` || hookName.endsWith(`__${spelled(tool)}`);
}

/** As agents put names of servers and tools together: what is no letter, digit, - or _ becomes _. */
function spelled(name: string): string {
  return name.replace(/[^\w-]/g, '_');
}
