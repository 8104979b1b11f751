import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasName } from '../shared/json/names.ts';
import { parseJson } from '../shared/json/text.ts';
import type { JsonValue } from '../shared/json/value.ts';
import type { Risk } from './risk.ts';
import { scoreRisk } from './risk.ts';

const score = (tool: string, args?: JsonValue): Risk => scoreRisk({ tool, arguments: () => args });

describe('scoreRisk() gives the points peers give [R.score]', () => {
  for (const [tool, want, args] of [
    ['delete_token', 70],
    ['create_token', 50],
    ['delete_file', 40],
    ['run_query', 60, { sql: 'DROP TABLE x' }],
    ['post_message', 25],
    ['update_auth_config', 70],
    ['delete_credential', 70],
    ['delete_config', 60],
    ['exec_sql', 60, { sql: 'DELETE FROM t' }],
    ['create_pull_request', 20],
    ['merge_pull_request', 10],
    ['delete_branch', 40],
    ['update_config', 40],
    ['get_token', 30],
    ['get_file', 0],
    ['run_job', 30],
    ['send_mail', 25],
    ['send_password', 55],
    ['get_monkey', 30], // "key", wherever it stands
    ['get_auth_token_secret', 30], // once, however many
    ['get_config_settings', 20], // once
    ['app_setting', 30],
    ['resend_mail', 10],
    ['DELETE_TOKEN', 70],
    ['get_CONFİG', 20],
    ['', 10],
    // Prose is not SQL.
    ['create_pull_request', 20, { title: 'docs: update the guide', body: 'we drop it' }],
  ] as const) {
    test(`${tool} ${args === undefined ? '' : JSON.stringify(args)}: ${want}`, () => {
      const risk = score(tool, args);
      expect(risk.score).toBe(want);
      expect(risk.reasons.reduce((sum, { points }) => sum + points, 0)).toBe(want);
    });
  }
});

describe('scoreRisk() looks for SQL', () => {
  for (const { name, args, found } of [
    { name: 'in sql', args: { sql: 'drop table t' }, found: true },
    { name: 'in query', args: { query: 'Update t set a = 1' }, found: true },
    { name: 'in statement', args: { statement: 'TRUNCATE t' }, found: true },
    { name: 'in command', args: { COMMAND: 'alter table t' }, found: true },
    {
      name: 'in no other member',
      args: { text: 'drop table t', sqls: 'drop table t' },
      found: false,
    },
    { name: 'with a blank behind the verb', args: { sql: 'drop\ttable t' }, found: false },
    { name: 'even inside a word', args: { sql: 'backdrop x' }, found: true },
    { name: 'and lets a where clear it', args: { sql: 'delete from t WHERE a = 1' }, found: false },
    { name: 'even in a comment', args: { sql: 'delete from t -- where' }, found: false },
    { name: 'at the start', args: { sql: 'where; delete from t' }, found: false },
    { name: 'between digits', args: { sql: 'delete from t 1where2' }, found: false },
    { name: 'but not somewhere', args: { sql: 'delete from somewhere' }, found: true },
    { name: 'nor whereabouts', args: { sql: 'delete from whereabouts' }, found: true },
    { name: 'in each member alone', args: { sql: 'drop t', query: 'x where y' }, found: true },
    { name: 'in nested objects', args: { a: { b: { sql: 'drop t' } } }, found: true },
    { name: 'through arrays', args: { a: [1, [null, { sql: 'drop t' }]] }, found: true },
    { name: 'at a top-level array', args: [{ sql: 'drop t' }], found: true },
    { name: 'not at strings in an array', args: { sql: ['drop t'] }, found: false },
    { name: 'not at a bare string', args: 'drop t', found: false },
    { name: 'in no null', args: null, found: false },
    {
      name: 'under an own __proto__',
      args: JSON.parse('{"__proto__":{"sql":"drop t"}}'),
      found: true,
    },
    { name: 'never through a prototype', args: Object.create({ sql: 'drop t' }), found: false },
  ] as { name: string; args: JsonValue; found: boolean }[]) {
    test(`${name}: ${found}`, () => {
      expect(score('get_rows', args).score).toBe(found ? 30 : 0);
    });
  }

  test('at a depth that no recursion survives', () => {
    let args: JsonValue = { sql: 'drop t' };
    for (let i = 0; i < 100_000; i++) args = i % 2 === 0 ? [args] : { a: args };
    expect(score('get_rows', args).score).toBe(30);
  });
});

test('scoreRisk() caps at 100 and still shows every contribution', () => {
  const risk = score('delete_auth_config', { Query: 'drop table secrets' });
  expect(risk).toEqual({
    score: 100,
    operation: 'delete',
    operations: ['delete'],
    reasons: [
      { reason: 'deletes (name starts with delete_)', points: 40 },
      { reason: 'sensitive (name contains auth)', points: 30 },
      { reason: 'SQL change without where (argument query)', points: 30 },
      { reason: 'configuration (name contains config)', points: 20 },
    ],
  });
});

test('scoreRisk() explains the remaining contributions', () => {
  expect(score('send_note').reasons).toEqual([
    { reason: 'operation unknown (no known verb in the name)', points: 10 },
    { reason: 'sends a message (name starts with send_)', points: 15 },
  ]);
  expect(score('job_run').reasons).toEqual([
    { reason: 'executes (name ends with _run)', points: 30 },
  ]);
  expect(score('add_x').reasons).toEqual([
    { reason: 'writes (name starts with add_)', points: 20 },
  ]);
  expect(score('get_x').reasons).toEqual([]);
});

test('scoreRisk() decodes the arguments at most once', () => {
  let calls = 0;
  const decode = () => {
    calls += 1;
    return { sql: 'drop t' };
  };
  scoreRisk({ tool: 'delete_auth_config', arguments: decode });
  expect(calls).toBeLessThanOrEqual(1);
});

test('scoreRisk() comes to the same where names say that nothing needs decoding [R.score]', () => {
  const name = fc.constantFrom('sql', 'QUERY', 'Command', '\\u0073ql', '\\u005Cu0073ql', 'text');
  const text = fc.constantFrom('"drop t"', '"delete from t"', '"sql"', '"x where y"', '"a\\":{"');
  const json = fc.letrec<{ object: string }>((tie) => ({
    object: fc
      .array(fc.tuple(name, fc.oneof(text, tie('object')), fc.boolean()), { maxLength: 3 })
      .map((all) => all.map(([key, value, isList]) => `"${key}":${isList ? `[${value}]` : value}`))
      .map((members) => `{${members.join(',')}}`),
  })).object;
  let decoded = 0;
  let spared = 0;
  fc.assert(
    fc.property(json, (given) => {
      const value = parseJson(given);
      const decode = () => {
        decoded += 1;
        return value;
      };
      const argumentsName = (names: ReadonlySet<string>) => hasName(Buffer.from(given), names);
      const before = decoded;
      expect(scoreRisk({ tool: 't', arguments: decode, argumentsName })).toEqual(score('t', value));
      if (decoded === before) spared += 1;
    }),
  );
  expect(Math.min(decoded, spared)).toBeGreaterThan(0);
});

test('scoreRisk() is total, stays in range, and its reasons add up', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (tool, args) => {
      const risk = score(tool, args as JsonValue);
      const sum = risk.reasons.reduce((total, { points }) => total + points, 0);
      expect(risk.score).toBe(Math.min(sum, 100));
    }),
  );
});
