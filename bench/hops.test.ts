import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AnswerCheck } from './answer-check.ts';
import { copier, openPath, other } from './hops.ts';
import { Lab } from './lab.ts';
import { CallLine, HopError, KB } from './stdio-path.ts';
import { linesOf } from './turns.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

let lab: Lab;
beforeEach(() => {
  lab = new Lab(ROOT, false);
});
afterEach(() => lab.close());

/** A hop that starts the server and changes what the server says. */
const changing = (change: string) => {
  const script = [
    `const { spawn } = require('node:child_process')`,
    `const [, file, ...args] = process.argv`,
    `const s = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })`,
    `process.stdin.pipe(s.stdin)`,
    `require('node:readline').createInterface({ input: s.stdout }).on('line', (l) => { ${change} })`,
  ].join(';');
  return `'${process.execPath}' -e "${script}"`;
};

test('openPath() takes any other proxy by its command line, and every call comes back whole [P7.against]', async () => {
  for (const hop of [copier, other(`'${process.execPath}' '${lab.script('copier.mjs')}'`)]) {
    const path = await openPath(lab, hop);
    await path.pump(linesOf(KB, 16), 200);
    await path.call(new CallLine(KB, { notifications: 3 }));
    expect(path).toMatchObject({ calls: 202, notifications: 3 });
    await path.end();
  }
});

test('openPath() takes other bytes for the same JSON from another proxy, and remembers it [P7.against]', async () => {
  const spaced = changing(
    `console.log(JSON.stringify(JSON.parse(l), null, 1).replace(/\\n */g, ' '))`,
  );
  const path = await openPath(lab, other(spaced));
  await path.pump(linesOf(KB, 4), 20);
  expect(path.check.hasOtherBytes).toBe(true);
  await path.end();
});

for (const { name, command, says } of [
  { name: 'is not there', command: 'no-such-proxy --', says: /exit 127.*no-such-proxy/s },
  { name: 'dies', command: 'sh -c "echo no licence >&2; exit 3" sh', says: /exit 3.*no licence/s },
  {
    name: 'shortens answers',
    command: changing(`console.log(l.replace('lazy dog', 'dog'))`),
    says: /not what the server said/,
  },
  {
    name: 'gives an answer to nobody',
    command: changing(`console.log(l.replace('1000000', '9000000'))`),
    says: /answered 90000000, which nobody asked/,
  },
]) {
  test(`openPath() says so when another proxy ${name} [P7.against]`, async () => {
    const opened = openPath(lab, other(command));
    await expect(opened).rejects.toThrow(HopError);
    await expect(opened).rejects.toThrow(says);
  });
}

test('AnswerCheck notices one byte that differs from the first answer [P7.against]', () => {
  const call = new CallLine(KB);
  const check = new AnswerCheck('bytes');
  check.check(call.answer(10_000_000), 10_000_000, call);
  check.check(call.answer(10_000_001), 10_000_001, call);
  const changed = call.answer(10_000_002);
  changed[500] = (changed[500] ?? 0) ^ 1;
  expect(() => check.check(changed, 10_000_002, call)).toThrow('not what the server said');
});
