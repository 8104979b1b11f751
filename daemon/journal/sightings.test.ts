import { expect, test } from 'vitest';
import type { EventFrame } from '../../shared/wire/event.ts';
import { Sightings, type Sighting } from './sightings.ts';

const proxy = (more: Partial<Sighting> = {}): Sighting => ({
  by: 'proxy',
  principalId: 'did:user:alice',
  tool: 'query',
  server: 'my db',
  correlationId: undefined,
  parametersHash: 'sha256:1',
  atMs: 1_000_000,
  ...more,
});
const hook = (more: Partial<Sighting> = {}): Sighting =>
  proxy({ by: 'hook', tool: 'mcp__my_db__query', server: '', atMs: 1_000_300, ...more });

const NONE = new Set<string>();

for (const { name, second, want } of [
  { name: 'the same tool and arguments', second: hook(), want: true },
  { name: 'another principal', second: hook({ principalId: 'did:user:bob' }), want: false },
  { name: 'other arguments', second: hook({ parametersHash: 'sha256:2' }), want: false },
  { name: 'another server', second: hook({ tool: 'mcp__db__query' }), want: false },
  { name: 'a plugin', second: hook({ tool: 'mcp__plugin_x_my_db__query' }), want: true },
  { name: 'Cursor, which names no server', second: hook({ tool: 'MCP:query' }), want: true },
  { name: 'eleven seconds later', second: hook({ atMs: 1_011_000 }), want: false },
  { name: 'the same side', second: proxy(), want: false },
]) {
  test(`[H.once] Sightings.match() for ${name} is ${want}`, () => {
    const sightings = new Sightings();
    sightings.add(proxy(), 'urn:1');
    expect(sightings.match(second, NONE)).toBe(want ? 'urn:1' : undefined);
    expect(sightings.match(second, new Set(['urn:1']))).toBeUndefined();
  });
}

test("[H.once] the agent's own id decides where both sides have it", () => {
  const sightings = new Sightings();
  sightings.add(proxy({ correlationId: 'toolu_1' }), 'urn:1');
  sightings.add(proxy({ correlationId: 'toolu_2', server: 'other' }), 'urn:2');
  const second = hook({ correlationId: 'toolu_2', parametersHash: 'sha256:9' });
  expect(sightings.match(second, NONE)).toBe('urn:2');
  sightings.settle(new Set(['urn:2']));
  expect(sightings.match(second, NONE)).toBeUndefined();
});

test('nothing is remembered until a hook has reported', () => {
  const frame = (members: object) => members as EventFrame;
  const sightings = new Sightings();
  expect(sightings.concerns(frame({ channel: 'mcp', toolName: 'query' }))).toBe(false);
  expect(sightings.concerns(frame({ heldBy: 'host', toolName: 'Bash' }))).toBe(false);
  expect(sightings.concerns(frame({ heldBy: 'host', toolName: 'mcp__a__b' }))).toBe(true);
  expect(sightings.concerns(frame({ channel: 'mcp', toolName: 'query' }))).toBe(true);
});
