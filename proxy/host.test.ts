import { expect, test } from 'vitest';
import { detectHost, overrideHost, parentProcessName } from './host.ts';

const CLAUDE = {
  issuerName: 'Claude Code',
  operatorId: 'did:web:anthropic.com',
  operatorName: 'Anthropic',
};
const CODEX = { issuerName: 'Codex', operatorId: 'did:web:openai.com', operatorName: 'OpenAI' };
const CURSOR = { issuerName: 'Cursor', operatorId: 'did:web:cursor.com', operatorName: 'Cursor' };
const WINDSURF = {
  issuerName: 'Windsurf',
  operatorId: 'did:web:codeium.com',
  operatorName: 'Codeium',
};

for (const { parent, env, identity, source } of [
  { parent: 'claude', env: {}, identity: CLAUDE, source: 'auto:claude' },
  { parent: 'Codex', env: { CLAUDECODE: '1' }, identity: CODEX, source: 'auto:codex' },
  { parent: 'cursor', env: {}, identity: CURSOR, source: 'auto:cursor' },
  { parent: 'windsurf', env: {}, identity: WINDSURF, source: 'auto:windsurf' },
  { parent: 'node', env: { CLAUDECODE: '' }, identity: CLAUDE, source: 'env:CLAUDECODE' },
  {
    parent: 'node',
    env: { CURSOR_TRACE_ID: 'x', CODEX_HOME: 'y', WINDSURF_A: 'z' },
    identity: CURSOR,
    source: 'env:CURSOR_TRACE_ID',
  },
  {
    parent: 'node',
    env: { CODEX_HOME: 'y', WINDSURF_B: '1', WINDSURF_A: '1' },
    identity: WINDSURF,
    source: 'env:WINDSURF_A',
  },
  { parent: 'node', env: { CODEX_HOME: 'y' }, identity: CODEX, source: 'env:CODEX_HOME' },
  { parent: undefined, env: { CLAUDECODES: '1', CURSOR: '1' }, identity: {}, source: 'unknown' },
  { parent: '__proto__', env: {}, identity: {}, source: 'unknown' },
  { parent: 'constructor', env: {}, identity: {}, source: 'unknown' },
]) {
  test(`detectHost() tells ${source} from ${parent} and ${Object.keys(env).join(' ')} [X.host]`, () => {
    expect(detectHost(env, parent)).toEqual({ identity, source });
  });
}

const DETECTED = { identity: CLAUDE, source: 'auto:claude' };
for (const { name, given, want } of [
  { name: 'nothing', given: {}, want: DETECTED },
  {
    name: 'an issuer name',
    given: { issuerName: 'Mine' },
    want: { identity: { ...CLAUDE, issuerName: 'Mine' }, source: 'flags' },
  },
  {
    name: 'an operator id, which replaces the name as well',
    given: { operatorId: 'did:web:me.example' },
    want: {
      identity: { issuerName: 'Claude Code', operatorId: 'did:web:me.example' },
      source: 'flags',
    },
  },
]) {
  test(`overrideHost() applies ${name}`, () => {
    expect(overrideHost(DETECTED, given)).toEqual(want);
  });
}

test.runIf(process.platform === 'linux')('parentProcessName() asks the kernel', () => {
  expect(parentProcessName(process.pid)).toMatch(/\S/);
  expect(parentProcessName(2 ** 30)).toBeUndefined();
});
