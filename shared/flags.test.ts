import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatGoDuration,
  parseFlags,
  parseGoDuration,
  readFlagEnvironment,
  renderFlags,
} from './flags.ts';

const spec = {
  db: {
    type: 'string',
    describe: 'receipt store',
    placeholder: 'PATH',
    env: 'STORE',
    default: 'here',
  },
  json: { type: 'boolean', describe: 'print JSON' },
  limit: { type: 'integer', describe: 'how many', default: 50 },
  wait: { type: 'duration', describe: 'how long', env: 'WAIT', default: 60_000 },
} as const;

test('parseFlags() adds up the entries of a list, and of nothing else', () => {
  const list = { pin: { type: 'list', describe: '', env: 'PIN' } } as const;
  const pins = (...args: string[]) => parseFlags(list, args).flags.pin;
  expect(pins()).toBeUndefined();
  expect(pins('-pin', 'a,b', '--pin=c', '-pin', ' d , e ')).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(readFlagEnvironment(list, { PIN: 'a,b' }).pin).toEqual(['a', 'b']);
  for (const bad of ['', ',', 'a,', 'a,,b']) expect(() => pins('-pin', bad)).toThrow('empty entry');
});

describe('parseFlags()', () => {
  for (const { name, args, flags = {}, positionals = [], help = false, interspersed = false } of [
    { name: 'one dash and a value', args: ['-db', 'a'], flags: { db: 'a' } },
    { name: 'two dashes and a value', args: ['--db', 'a'], flags: { db: 'a' } },
    { name: 'an equals sign', args: ['-db=a=b'], flags: { db: 'a=b' } },
    { name: 'an empty value', args: ['--db='], flags: { db: '' } },
    { name: 'a value that looks like a flag', args: ['-db', '-json'], flags: { db: '-json' } },
    { name: 'the last of several', args: ['-db', 'a', '--db=b'], flags: { db: 'b' } },
    { name: 'a bare boolean', args: ['-json'], flags: { json: true } },
    { name: 'a boolean switched off', args: ['-json', '--json=F'], flags: { json: false } },
    {
      name: 'no value for a boolean',
      args: ['-json', 'false'],
      flags: { json: true },
      positionals: ['false'],
    },
    { name: 'a negative number', args: ['-limit', '-3'], flags: { limit: -3 } },
    { name: 'a duration', args: ['-wait', '1m30s'], flags: { wait: 90_000 } },
    { name: 'the first word as the end', args: ['3', '-json'], positionals: ['3', '-json'] },
    { name: 'a lone dash as a word', args: ['-', '-json'], positionals: ['-', '-json'] },
    {
      name: 'two dashes as the end',
      args: ['-json', '--', '-db'],
      flags: { json: true },
      positionals: ['-db'],
    },
    {
      name: 'flags behind words when asked',
      args: ['3', '-json', '4'],
      interspersed: true,
      flags: { json: true },
      positionals: ['3', '4'],
    },
    {
      name: 'two dashes when interspersed',
      args: ['3', '--', '-json'],
      interspersed: true,
      positionals: ['3', '-json'],
    },
    { name: '-h', args: ['-json', '-h', '-nonsense'], flags: { json: true }, help: true },
    { name: '-help', args: ['-help'], help: true },
    { name: '--help', args: ['--help'], help: true },
    { name: 'nothing', args: [] },
  ]) {
    test(`reads ${name}`, () => {
      const none = { db: undefined, json: undefined, limit: undefined, wait: undefined };
      const got = parseFlags(spec, args, { interspersed });
      expect(got).toEqual({ flags: { ...none, ...flags }, positionals, help });
    });
  }

  for (const { args, message } of [
    { args: ['-x'], message: 'flag provided but not defined: -x' },
    { args: ['--x=1'], message: 'flag provided but not defined: -x' },
    { args: ['--toString'], message: 'flag provided but not defined: -toString' },
    { args: ['-db'], message: 'flag needs an argument: -db' },
    { args: ['---db'], message: 'bad flag syntax: ---db' },
    { args: ['-=a'], message: 'bad flag syntax: -=a' },
    { args: ['-json=yes'], message: 'invalid boolean value "yes" for -json: parse error' },
    { args: ['-limit', '1.5'], message: 'invalid value "1.5" for flag -limit: not a whole number' },
    { args: ['-limit=010'], message: 'invalid value "010" for flag -limit: not a whole number' },
    {
      args: ['-wait', '5d'],
      message: 'invalid value "5d" for flag -wait: unknown unit "d" in duration "5d"',
    },
  ]) {
    test(`refuses ${args.join(' ')}`, () => {
      expect(() => parseFlags(spec, args)).toThrow(
        expect.objectContaining({ code: 'USAGE', message }),
      );
    });
  }

  test('has values of the declared types', () => {
    const { flags } = parseFlags(spec, ['-limit', '3', '-db', 'a']);
    const typed: { limit: number | undefined; db: string | undefined; json: boolean | undefined } =
      flags;
    expect(typed).toMatchObject({ limit: 3, db: 'a' });
  });
});

describe('readFlagEnvironment()', () => {
  test('reads what is set and treats empty as unset', () => {
    const got = readFlagEnvironment(spec, { STORE: '', WAIT: '2s', LIMIT: '9' });
    expect(got).toEqual({ db: undefined, json: undefined, limit: undefined, wait: 2000 });
  });

  test('names the variable that is wrong', () => {
    expect(() => readFlagEnvironment(spec, { WAIT: 'soon' })).toThrow(
      /^WAIT: invalid value "soon"/,
    );
  });
});

describe('parseGoDuration()', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['-0', 0],
    ['300ms', 300],
    ['1.5h', 5_400_000],
    ['2h45m', 9_900_000],
    ['-1m0s', -60_000],
    ['+.5s', 500],
    ['1.s', 1000],
    ['7us', 0.007],
    ['7\u00b5s', 0.007],
    ['7\u03bcs', 0.007],
    ['1ns', 1e-6],
  ] as const) {
    test(`reads ${text}`, () => expect(parseGoDuration(text)).toBe(ms));
  }

  for (const text of [
    '',
    '-',
    '1',
    '.',
    '.s',
    's',
    '1.2.3s',
    '1d',
    '1 s',
    '1S',
    '9999999999h',
    '--1s',
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseGoDuration(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    });
  }
});

describe('formatGoDuration()', () => {
  for (const [ms, text] of [
    [0, '0s'],
    [200, '200ms'],
    [1.5, '1.5ms'],
    [0.25, '250\u00b5s'],
    [60_000, '1m0s'],
    [3_600_000, '1h0m0s'],
    [90_061_001, '25h1m1.001s'],
    [-1500, '-1.5s'],
  ] as const) {
    test(`prints ${text}`, () => expect(formatGoDuration(ms)).toBe(text));
  }

  test('is undone by parseGoDuration()', () => {
    const microseconds = integer({ min: -1e12, max: 1e12 });
    assert(
      property(microseconds, (us) => {
        expect(parseGoDuration(formatGoDuration(us / 1000))).toBeCloseTo(us / 1000, 5);
      }),
    );
  });
});

test('renderFlags() aligns, wraps, and names environment and default', () => {
  const long = {
    type: 'string',
    describe: 'word '.repeat(20).trim(),
    placeholder: 'SOMETHING-VERY-LONG-INDEED',
  } as const;
  expect(renderFlags({ ...spec, long })).toBe(
    `  -db PATH        receipt store (env STORE; default here)
  -json           print JSON
  -limit N        how many (default 50)
  -wait DURATION  how long (env WAIT; default 1m0s)
  -long SOMETHING-VERY-LONG-INDEED
                  word word word word word word word word word word word word
                  word word word word word word word word
`,
  );
});
