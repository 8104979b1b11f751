import { describe, expect, test } from 'vitest';
import { RISK_LEVELS } from './receipt.ts';
import { knownActionTypes, riskOf } from './taxonomy.ts';

/** What daemons in the field write, type by type; the published file is in test/conformance. */
const DAEMON_RISKS: Readonly<Record<(typeof RISK_LEVELS)[number], readonly string[]>> = {
  low: [
    'filesystem.file.create',
    'filesystem.file.read',
    'filesystem.directory.create',
    'filesystem.directory.list',
    'system.application.launch',
    'system.browser.navigate',
    'data.api.read',
    'doctor.agent-receipts-doctor.roundtrip',
  ],
  medium: [
    'filesystem.file.modify',
    'filesystem.file.move',
    'system.application.control',
    'system.browser.form_submit',
    'data.api.write',
    'network.egress.observed',
    'unknown',
  ],
  high: [
    'filesystem.file.delete',
    'filesystem.directory.delete',
    'system.settings.modify',
    'system.command.execute',
    'system.code.execute',
    'system.pty.close',
    'system.browser.authenticate',
    'data.api.delete',
  ],
  critical: ['system.pty.open'],
};

describe('[S.risk-table] riskOf()', () => {
  for (const level of RISK_LEVELS) {
    test.each(DAEMON_RISKS[level])(`%s is ${level}`, (type) => expect(riskOf(type)).toBe(level));
  }

  // An exact lookup: no prefix, no case, no name that every object has.
  test.each([
    '',
    'mcp.github.create_issue',
    'filesystem.file',
    'Filesystem.file.delete',
    'system.pty.open ',
    'constructor',
    '__proto__',
    'toString',
  ])('%j, which no table knows, is medium', (type) => expect(riskOf(type)).toBe('medium'));

  test('every known type is listed once with its risk', () => {
    const types = knownActionTypes();
    expect(new Set(types.map(([type]) => type)).size).toBe(types.length);
    for (const [type, risk] of types) expect(riskOf(type)).toBe(risk);
  });
});
