#!/usr/bin/env node
'use strict';
// Starts a program of obsigna, which stands in code/. What V8 has compiled of it is kept in cache/ for
// the next start, where this user may write there: every agent waits for our start, and much of that
// is compiling. A cache of another build, Node or machine has another name. See docs/adr/0033.
const {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeSync,
} = require('node:fs');
const { Script } = require('node:vm');

/** Set by the build: digests of the files in code/, and words behind which other code runs. */
const FILES = { FILES: 0 };
const OTHER_WORK = ['OTHER_WORK'];
/**
 * A start does without them, and to load `node:crypto` takes longer than all that is ours. The bundles take
 * what they need out of a module where they use it, so that it is loaded with the first use. None for the
 * daemon, which starts with them.
 */
const LATE = ['LATE'];

const CODE = `${__dirname}/code`;
const CACHE = `${__dirname}/cache`;
const MACHINE = `${process.version}-${process.arch}`;
const OTHERS_MAY_WRITE = 0o022;
const KEEP_MS = 2000;
const isUsual = !OTHER_WORK.includes(process.argv[2]);

const late = new Map(
  LATE.map((id) => [id, new Proxy({}, { get: (_, name) => require(id)[name] })]),
);

const loaded = new Map();

function load(name) {
  const before = loaded.get(name);
  if (before !== undefined) return before.exports;
  const path = `${CODE}/${name}`;
  const { run, keepCode } = compiled(name, path);
  // A program that changes how V8 works says itself when it has started: see daemon/main.ts.
  const module = { exports: {}, keepCode };
  loaded.set(name, module);
  run(module.exports, requireFrom, module, path, CODE);
  return module.exports;
}

function requireFrom(id) {
  const name = id.slice('./'.length);
  return FILES[name] === undefined ? (late.get(id) ?? require(id)) : load(name);
}

function compiled(name, path) {
  const cache = `${CACHE}/${name}-${FILES[name]}-${MACHINE}`;
  // A function already: every copy is another 300 KB. Node has a shorter way for this than for latin1.
  const script = new Script(readFileSync(path, 'utf8'), {
    filename: path,
    cachedData: isUsual ? cached(cache) : undefined,
  });
  const keepCode =
    isUsual && script.cachedDataRejected !== false ? keepOnce(script, cache) : () => {};
  return { run: script.runInThisContext(), keepCode };
}

/** The code of whoever may write to it: only the owner of the program itself. */
function cached(path) {
  let file;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined; // the first start here
  }
  try {
    const { uid, mode, size } = fstatSync(file);
    const isOurs = uid === 0 || uid === process.getuid();
    if (!isOurs || (mode & OTHERS_MAY_WRITE) !== 0) return undefined;
    const code = Buffer.allocUnsafeSlow(size);
    return readSync(file, code) === size ? code : undefined;
  } finally {
    closeSync(file);
  }
}

/** What a start compiles, and no more: a long session would make every later start read all of its own. */
function keepOnce(script, path) {
  let isKept = false;
  const now = () => {
    if (!isKept) keep(script, path);
    isKept = true;
  };
  setTimeout(now, KEEP_MS).unref();
  process.on('exit', now);
  return now;
}

/** Nothing depends on it: where it cannot be written, the next start compiles again. */
function keep(script, path) {
  const temporary = `${path}.${process.pid}.tmp`;
  const umask = process.umask(0o022); // for every user of the package, whoever starts first
  try {
    mkdirSync(CACHE, { recursive: true, mode: 0o755 });
    const file = openSync(temporary, 'wx', 0o644);
    writeSync(file, script.createCachedData());
    closeSync(file);
    renameSync(temporary, path);
  } catch {
    return;
  } finally {
    process.umask(umask);
  }
}

load('MAIN');
