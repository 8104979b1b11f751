import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

const PROGRESS_MS = 5_000;
const KEEP_OUTPUT = 64 * 1024;

/**
 * Whether node_modules is what package-lock.json says and works on this Node.
 *
 * @returns The reason to install again, or `undefined` when nothing is to be done.
 */
export function whyInstall(root) {
  const modules = join(root, 'node_modules');
  if (!existsSync(modules)) return 'node_modules is missing';
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = join(modules, '.obsigna-lock');
  const wanted = digest(lock);
  if (!existsSync(stamp)) {
    if (!installedMatches(root, lock)) return 'node_modules does not match package-lock.json';
  } else if (readFileSync(stamp, 'utf8').trim() !== wanted) {
    return 'package-lock.json has changed since the last installation';
  }
  const fault = driverFault(root);
  if (fault !== undefined) return `the SQLite driver does not load (${fault})`;
  // Somebody's own installation that fits is adopted: installing it again would gain nothing.
  if (!existsSync(stamp)) writeFileSync(stamp, `${wanted}\n`);
  return undefined;
}

/** Installs exactly what the lockfile names. Throws {@link SetupError} when that is impossible. */
export async function install(root, reason) {
  say(`obsigna: ${reason}; installing packages from package-lock.json.`);
  say('obsigna: compiling the SQLite driver takes about a minute when no prebuilt binary can be');
  say('obsigna: downloaded. This happens once.');
  rmSync(join(root, 'node_modules', '.obsigna-lock'), { force: true });
  const startedAt = Date.now();
  const { code, output } = await runNpm(root, startedAt);
  if (code !== 0) {
    throw new SetupError(
      `npm install failed (exit ${code})\n${output.trimEnd()}`,
      remedyFor(output),
    );
  }
  const lock = readFileSync(join(root, 'package-lock.json'));
  if (!installedMatches(root, lock)) {
    throw new SetupError(
      'npm installed something else than package-lock.json says',
      'package.json and the lockfile disagree: run `npm install` and commit the lockfile',
    );
  }
  const fault = driverFault(root);
  if (fault !== undefined) {
    throw new SetupError(
      `npm install ended well, but the SQLite driver does not load: ${fault}`,
      'install scripts may be switched off: try `npm rebuild better-sqlite3 --ignore-scripts=false`',
    );
  }
  writeFileSync(join(root, 'node_modules', '.obsigna-lock'), `${digest(lock)}\n`);
  say(`obsigna: packages installed in ${seconds(startedAt)} s`);
}

/**
 * What npm recorded about node_modules against the lockfile: same version and digest for every
 * package. Only an optional one (another platform's binary) may be missing.
 */
function installedMatches(root, lock) {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(lock.toString('utf8')).packages;
  const have = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const installed = have[path];
    if (installed === undefined) return entry.optional === true || entry.devOptional === true;
    return installed.version === entry.version && installed.integrity === entry.integrity;
  });
}

/** Loads the driver in a child: a binary for another Node can kill the process that loads it. */
function driverFault(root) {
  const binary = join(root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');
  if (!existsSync(binary)) return 'not compiled';
  const code = "new (require('better-sqlite3'))(':memory:').close()";
  const child = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8' });
  if (child.status === 0) return undefined;
  const line = child.stderr.split('\n').find((text) => /^\w*Error/.test(text));
  return line ?? child.signal ?? `exit ${child.status}`;
}

function runNpm(root, startedAt) {
  // Under `npm test` this is the npm that runs us; its .js is not executable by itself.
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('js') ? [process.execPath, npm] : ['npm'];
  // Not `npm ci`: it refuses a lockfile in which any optional package of any platform is missing,
  // and a lockfile written behind a registry that lacks some of them is such a one (ADR 0010).
  // `--no-save` leaves the lockfile alone, and installedMatches() holds the result against it.
  const args = [...first, 'install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];
  // A `--silent` outside must not swallow the text of a failure.
  args.push('--loglevel=warn');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEEP_OUTPUT);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const progress = showProgress(startedAt);
    const stop = (signal) => {
      child.kill(signal);
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const finish = (settle) => {
      progress.end();
      process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
      settle();
    };
    child.once('error', (cause) => {
      const fault = new SetupError(
        `cannot start npm: ${cause.message}`,
        'install npm next to Node and make sure that it is on the PATH',
      );
      finish(() => reject(fault));
    });
    child.once('close', (code, signal) => finish(() => resolve({ code: code ?? signal, output })));
  });
}

/** A line that rewrites itself on a terminal, a new line every few seconds anywhere else. */
function showProgress(startedAt) {
  const text = () => `obsigna: installing packages, ${seconds(startedAt)} s`;
  const terminal = process.stderr.isTTY && process.env.TERM !== 'dumb';
  const show = () => (terminal ? process.stderr.write(`\r${text()} `) : say(text()));
  const timer = setInterval(show, terminal ? 1000 : PROGRESS_MS);
  return {
    end() {
      clearInterval(timer);
      if (terminal) process.stderr.write('\r\u001b[K');
    },
  };
}

function remedyFor(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(output)) {
    return 'the package registry cannot be reached: check the network, proxy and npm registry settings';
  }
  if (/gyp ERR|node-gyp|not found: make|C\+\+|command not found/i.test(output)) {
    return (
      'the SQLite driver needs a C++ compiler, make and Python 3\n' +
      '    Debian, Ubuntu: apt install build-essential python3 · macOS: xcode-select --install'
    );
  }
  if (/ENOSPC/.test(output)) return 'the disk is full: free some space and run the command again';
  if (/EACCES|EPERM/.test(output)) return 'this user may not write here: check who owns the files';
  return 'read npm’s text above; `npm install` alone repeats this step';
}

function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function seconds(startedAt) {
  return Math.round((Date.now() - startedAt) / 1000);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
