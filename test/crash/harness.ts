import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Emitter, jsonText, type Acknowledgement } from '../../emitter/index.ts';
import { CodedError } from '../../shared/errors.ts';
import { DAEMON_BUNDLE, DaemonHome } from '../fixtures/daemon-process.ts';
import { judge, type CrashVerdict, type Sent } from './judge.ts';
import { mulberry32 } from './random.ts';

export interface CrashPlan {
  readonly frames: number;
  readonly kills: number;
  readonly emitters: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface CrashReport extends CrashVerdict {
  readonly frames: number;
  readonly kills: number;
  readonly seconds: number;
}

const CONFIRM_MS = 300_000;
/** Reports that an emitter has on their way before it waits for the oldest. */
const WINDOW = 16;
/** Every eighth emitter has next to no memory, so that a daemon that is away costs it reports. */
const SMALL_SPOOL = { every: 8, bytes: 6000 };

/**
 * Emitters report without pause while the daemon is killed at random moments, with a roll of its
 * chains on the way, and started again.
 * Afterwards the record is judged: everything that was acknowledged must be in it once, everything
 * else must be in it or counted.
 *
 * SIGKILL takes the process, not the machine: what this cannot show is that a commit outlives a
 * power cut. For that `synchronous=FULL` is read back in `daemon/store`.
 */
export async function runCrash(plan: CrashPlan): Promise<CrashReport> {
  const { frames, kills, emitters: count, log = () => undefined } = plan;
  const startedAt = Date.now();
  const random = mulberry32(plan.seed);
  const home = new DaemonHome();
  try {
    const flags = ['-chain-id', 'crash'];
    let daemon = await home.start({ flags });
    const progress = new Progress();
    const all = Array.from({ length: count }, (_, i) => makeEmitter(home.socket, i));
    const producers = Promise.all(
      all.map((emitter, i) => produce(emitter, i, Math.ceil(frames / count), progress, random)),
    );
    const moments = Array.from({ length: kills }, () => Math.floor(random() * frames * 0.95));
    for (const [n, settled] of moments.sort((a, b) => a - b).entries()) {
      await Promise.race([progress.reached(settled), producers]); // one that fails ends this at once
      daemon.kill('SIGUSR2'); // a roll is on its way, done, or will never be
      await pause(random() * 8); // anywhere inside a batch, a commit, an answer
      await daemon.stop('SIGKILL');
      log(`kill ${n + 1} after ${progress.settled} settled reports`);
      await pause(random() * 30);
      daemon = await home.start({ flags });
    }
    await producers;
    const lost = await Promise.all(all.map((emitter) => emitter.close(CONFIRM_MS)));
    const { code } = await daemon.stop();
    if (code !== 0) throw new Error(`the daemon ended with ${code}: ${daemon.stderr}`);
    const lostAtEnd = lost.reduce((sum, each) => sum + each, 0);
    const verdict = judge(home.db, home.publicPem(), progress.sent, lostAtEnd);
    return {
      ...verdict,
      faults: [...verdict.faults, ...verifierFaults(home)],
      frames: progress.sent.length,
      kills,
      seconds: (Date.now() - startedAt) / 1000,
    };
  } finally {
    await home.remove();
  }
}

/** What a user would be told of the store as a whole, links between its chains included. */
function verifierFaults(home: DaemonHome): readonly string[] {
  const program = join(dirname(DAEMON_BUNDLE), 'obsigna.cjs');
  const args = [program, 'verify'];
  const { status, stdout } = spawnSync(process.execPath, args, { env: home.env, encoding: 'utf8' });
  return status === 0 ? [] : [stdout];
}

function makeEmitter(socketPath: string, index: number): Emitter {
  const isSmall = index % SMALL_SPOOL.every === 0;
  return new Emitter({
    socketPath,
    sessionId: `emitter-${index}`,
    // A disk that stalls at the first contact must not make it take this daemon for a plain one.
    helloTimeoutMs: 60_000,
    ...(isSmall && { maxSpoolBytes: SMALL_SPOOL.bytes }),
  });
}

/** Sends `count` reports, at most a window of them unsettled; small spools get bursts instead. */
async function produce(
  emitter: Emitter,
  index: number,
  count: number,
  progress: Progress,
  random: () => number,
): Promise<void> {
  const open = new Set<Promise<void>>();
  for (let n = 0; n < count; n += 1) {
    const id = `emitter-${index}/${n}`;
    const input = jsonText({ n, text: 'x'.repeat(Math.floor(random() * 2000)) });
    const report = {
      channel: 'crash',
      tool: { name: id },
      decision: 'allowed' as const,
      correlationId: id,
      input,
    };
    const settled = emitter
      .emitConfirmed(report, CONFIRM_MS)
      .then(
        (acknowledgement) => progress.add({ id, acknowledgement }),
        (error: unknown) => {
          if (!(error instanceof CodedError) || error.code !== 'FRAME_DROPPED') throw error;
          progress.add({ id, acknowledgement: undefined });
        },
      )
      .finally(() => open.delete(settled));
    open.add(settled);
    if (open.size >= WINDOW) await Promise.race(open);
  }
  await Promise.all(open);
}

/** What became of each report, as its emitter was told. */
class Progress {
  readonly sent: Sent[] = [];
  #waiting: { readonly until: number; readonly resolve: () => void }[] = [];

  get settled(): number {
    return this.sent.length;
  }

  add(sent: { readonly id: string; readonly acknowledgement: Acknowledgement | undefined }): void {
    this.sent.push(sent);
    const due = this.#waiting.filter(({ until }) => until <= this.settled);
    this.#waiting = this.#waiting.filter(({ until }) => until > this.settled);
    for (const { resolve } of due) resolve();
  }

  reached(until: number): Promise<void> {
    if (until <= this.settled) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ until, resolve }));
  }
}
