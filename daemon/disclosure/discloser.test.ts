import { expect, test } from 'vitest';
import { generateForensicKey } from '../../shared/crypto/forensic-key.ts';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import { openEnvelope } from '../../shared/envelope/hpke.ts';
import type { EventFrame } from '../../shared/wire/event.ts';
import { parseFrame } from '../../shared/wire/parse-frame.ts';
import { eventMembers } from '../../test/fixtures/daemon-client.ts';
import { createDiscloser } from './discloser.ts';
import { parseDisclosurePolicy } from './policy.ts';

const { privateKey, publicKey } = generateForensicKey();
const HASH = `sha256:${'0'.repeat(64)}`;

function eventOf(members: string): EventFrame {
  const text = JSON.stringify(eventMembers());
  return parseFrame(Buffer.from(`${text.slice(0, -1)}${members}}`)) as EventFrame;
}

async function makeDiscloser({ parameters = '', response = '' }) {
  const said: string[] = [];
  const policies = {
    parameters: parseDisclosurePolicy('p', parameters),
    response: parseDisclosurePolicy('r', response),
  };
  return { said, discloser: await createDiscloser(policies, publicKey, (text) => said.push(text)) };
}

test('[D.disclosure] a discloser seals what the policies name, for the fingerprint of the key', async () => {
  const { said, discloser } = await makeDiscloser({ parameters: 'all', response: 'all' });
  const sealed = await discloser.seal(
    eventOf(',"input":{"b":1,"a":"\\ud800"},"output":{"ok":true}'),
  );
  expect(sealed?.parameters?.recipients[0].kid).toBe(hashUri(nodeSuite, publicKey));
  const open = (it: unknown) => openEnvelope(it as never, privateKey);
  expect(await open(sealed?.parameters)).toEqual({ a: '\ufffd', b: 1 });
  expect(await open(sealed?.response)).toEqual({ ok: true });
  expect(said).toEqual([]);
});

for (const { name, members, policies, want = [], said = [] } of [
  { name: 'nothing given', members: '', policies: { parameters: 'all', response: 'all' } },
  {
    name: 'a policy for responses only',
    members: ',"input":{},"output":{}',
    policies: { response: 'true' },
    want: ['response'],
  },
  {
    name: 'a risk that is too low',
    members: ',"input":{},"output":{}',
    policies: { parameters: 'high', response: 'high' },
  },
  {
    name: 'a high risk',
    members: ',"input":{},"action_type":"filesystem.file.delete"',
    policies: { parameters: 'high' },
    want: ['parameters'],
  },
  {
    name: 'the type that the receipt will have',
    members: ',"input":{}',
    policies: { parameters: 'mcp.github.create_issue' },
    want: ['parameters'],
  },
  {
    name: 'an array and a text',
    members: ',"input":[1],"output":"x"',
    policies: { parameters: 'all', response: 'all' },
    said: ['parameters: not a JSON object', 'response: not a JSON object'],
  },
  {
    name: 'one that can and one that cannot be sealed',
    members: ',"input":{},"output":1',
    policies: { parameters: 'all', response: 'all' },
    want: ['parameters'],
    said: ['response: not a JSON object'],
  },
  {
    name: 'a hash in place of the payload',
    members: `,"input_digest":{"hash":"${HASH}","bytes":9}`,
    policies: { parameters: 'all' },
    said: ['parameters: only its hash was reported'],
  },
  {
    name: 'a number that has no canonical form',
    members: ',"input":{"secret":1e999}',
    policies: { parameters: 'all' },
    said: ['parameters: number Infinity has no JSON form'],
  },
]) {
  test(`[D.disclosure-policy] a discloser on ${name}`, async () => {
    const { said: lines, discloser } = await makeDiscloser(policies);
    const sealed = await discloser.seal(eventOf(members));
    expect(Object.keys(sealed ?? {})).toEqual(want);
    expect(lines).toHaveLength(said.length);
    said.forEach((why, at) => expect(lines[at]).toContain(`disclosure skipped (${why}) for "`));
  });
}

test('a discloser is refused for a key that gives everybody the same secret', async () => {
  const policies = { parameters: { mode: 'all' }, response: { mode: 'off' } } as const;
  const made = createDiscloser(policies, new Uint8Array(32), () => undefined);
  await expect(made).rejects.toMatchObject({ code: 'FORENSIC_KEY_INVALID' });
});
