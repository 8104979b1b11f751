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
  renameSync,
  writeSync,
} = require('node:fs');
const { createRequire } = require('node:module');
const paths = require('node:path');
const { constants, Script } = require('node:vm');

/** Set by the build: digests of the files in code/, and words behind which other code runs. */
const FILES = { FILES: 0 };
const OTHER_WORK = ['OTHER_WORK'];

const MACHINE = `${process.version}-${process.arch}`;
const OTHERS_MAY_WRITE = 0o022;
const isUsual = !OTHER_WORK.includes(process.argv[2]);

function load(name) {
  const path = paths.join(__dirname, 'code', name);
  const cache = paths.join(__dirname, 'cache', `${name}-${FILES[name]}-${MACHINE}`);
  const text = readFileSync(path, 'latin1'); // the build writes ASCII, which is read fastest so
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${text}\n})`, {
    filename: path,
    cachedData: isUsual ? cached(cache) : undefined,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  let isKept = !isUsual || script.cachedDataRejected === false;
  const keepCode = () => {
    if (!isKept) keep(script, cache);
    isKept = true;
  };
  process.on('exit', keepCode);
  // A program that runs for months says itself when it has started: V8 forgets what is not called again.
  const module = { exports: {}, keepCode };
  const beside = createRequire(path);
  const requireFrom = (id) => (FILES[id.replace('./', '')] === undefined ? beside(id) : load(id));
  script.runInThisContext()(
    module.exports,
    requireFrom,
    module,
    path,
    paths.join(__dirname, 'code'),
  );
  return module.exports;
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
    const { uid, mode } = fstatSync(file);
    const isOurs = uid === 0 || uid === process.getuid();
    return isOurs && (mode & OTHERS_MAY_WRITE) === 0 ? readFileSync(file) : undefined;
  } finally {
    closeSync(file);
  }
}

/** Nothing depends on it: where it cannot be written, the next start compiles again. */
function keep(script, path) {
  const temporary = `${path}.${process.pid}.tmp`;
  const umask = process.umask(0o022); // for every user of the package, whoever starts first
  try {
    mkdirSync(paths.join(__dirname, 'cache'), { recursive: true, mode: 0o755 });
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
