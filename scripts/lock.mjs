import { mkdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;
/** A lock without a pid in it is one that is being written; after this long its writer is gone. */
const UNWRITTEN_MS = 10_000;

/**
 * Runs `work` while holding `path`, a file that exists only while its holder lives. Two `npm test`
 * in one clone must not both delete node_modules, so the second one waits here.
 *
 * @param onWait - Called once, with the holder's pid, when somebody else holds the lock.
 */
export async function withLock(path, work, { onWait = () => {} } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  for (let announced = false; !take(path); await sleep(POLL_MS)) {
    const holder = readHolder(path);
    if (holder.state === 'stale') discard(path, holder.text);
    if (holder.state === 'held' && !announced) {
      announced = true;
      onWait(holder.pid);
    }
  }
  const release = () => removeOwn(path);
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function removeOwn(path) {
  try {
    if (readFileSync(path, 'utf8') === String(process.pid)) unlinkSync(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function readHolder(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const pid = Number(text);
    if (text === '' || !Number.isSafeInteger(pid) || pid <= 0) {
      const old = Date.now() - statSync(path).mtimeMs > UNWRITTEN_MS;
      return { state: old ? 'stale' : 'held', text, pid: 0 };
    }
    return { state: isAlive(pid) ? 'held' : 'stale', text, pid };
  } catch (error) {
    if (error.code === 'ENOENT') return { state: 'free', text: '', pid: 0 };
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM'; // somebody else's process, alive
  }
}

/**
 * Removes a lock whose holder is dead. Renamed first: between our look and our removal another
 * waiter may have removed it and taken the lock, and that one must be put back.
 */
function discard(path, seen) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') === seen) unlinkSync(aside);
  else renameSync(aside, path);
}
