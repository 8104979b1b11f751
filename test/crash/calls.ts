import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { readRecord } from '../fixtures/daemon-record.ts';
import { Agent } from './agent.ts';
import { judgeCalls, type CallVerdict } from './judge-calls.ts';
import { mulberry32 } from './random.ts';
import { Supervisor } from './supervisor.ts';

const CLI = join(process.cwd(), 'dist/obsigna.cjs');

export interface CallPlan {
  readonly calls: number;
  readonly kills: number;
  readonly agents: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface CallReport extends CallVerdict {
  /** Times without a daemon, and numbers of calls that are missing, as `receipt verify` says. */
  readonly gaps: number;
  readonly missingNumbers: number;
  readonly seconds: number;
  readonly kills: { readonly daemon: number; readonly proxy: number; readonly server: number };
}

/**
 * Agents call tools through real proxies, and at random moments a proxy, a server or the daemon is
 * killed. Afterwards every call that a server has seen must be in the record exactly once; one may
 * be missing only if its proxy and the daemon were killed together, and never where the proxy waits
 * for the journal (every second agent's does).
 */
export async function runCalls(plan: CallPlan): Promise<CallReport> {
  const { calls, kills: wanted, agents: count, seed, log = () => undefined } = plan;
  const startedAt = Date.now();
  const random = mulberry32(seed);
  const home = new DaemonHome();
  const notes = join(home.root, 'calls that ran.txt');
  const supervisor = new Supervisor(home, ['-chain-id', 'crash'], random);
  try {
    await supervisor.start();
    const progress = { settled: 0, killed: 0, isWorking: true };
    const turn = async () => {
      while (progress.settled > (calls * (progress.killed + 2)) / (wanted + 1)) await pause(2);
    };
    const agents = Array.from({ length: count }, (_, i) => {
      const onSettled = () => void (progress.settled += 1);
      const isRequired = i % 2 === 1;
      const share = Math.ceil(calls / count);
      const options = {
        name: `agent${i}`,
        calls: share,
        isRequired,
        notes,
        random,
        onSettled,
        turn,
      };
      return new Agent({ ...options, socket: home.socket });
    });
    const work = Promise.all(agents.map((agent) => agent.work())).finally(() => {
      progress.isWorking = false;
    });
    const kills = { daemon: 0, proxy: 0, server: 0 };
    for (let n = 1; n <= wanted && progress.isWorking; n += 1) {
      const until = (calls * 0.97 * n) / (wanted + 1);
      // Mostly one after the other, sometimes whatever is up while something else is down.
      const mayOverlap = random() < 0.1;
      const isCalm = () => mayOverlap || supervisor.upMs > RECONNECTED_MS;
      const isDue = () => progress.settled >= until && isCalm();
      while (progress.isWorking && !isDue()) await pause(1);
      await pause(random() * (mayOverlap ? 10 : 200));
      const victim = victimOf(random());
      const agent = agents[Math.floor(random() * agents.length)] as Agent;
      const kill = () => (victim === 'daemon' ? supervisor.kill() : agent.kill(victim));
      while (progress.isWorking && !kill()) await pause(5); // on its way up after the kill before
      progress.killed += 1;
      if (progress.isWorking) kills[victim] += 1;
      if (n % 20 === 0) log(`${n} kills, ${progress.settled} calls`);
    }
    await work;
    await Promise.all(agents.map((agent) => agent.leave()));
    await supervisor.stop();
    const verdict = judgeCalls({
      record: readRecord(home.db),
      calls: agents.flatMap((agent) => agent.calls),
      notes: readFileSync(notes, 'utf8').split('\n'),
      outages: supervisor.outages,
    });
    const coverage = verifyOutside(home);
    const faults = [...verdict.faults, ...coverage.faults];
    if (verdict.inGaps > 0 && coverage.gaps === 0) faults.push('calls are lost, and no gap shows');
    if (coverage.missingNumbers > verdict.calls - verdict.found) {
      faults.push(`${coverage.missingNumbers} numbers are missing: more than calls`);
    }
    const { gaps, missingNumbers } = coverage;
    const said = faults.length === 0 ? [] : agents.map(({ stderr }) => stderr);
    for (const text of said) log(text);
    return {
      ...verdict,
      gaps,
      missingNumbers,
      faults,
      kills,
      seconds: (Date.now() - startedAt) / 1000,
    };
  } finally {
    await home.remove();
  }
}

/** Emitters look for their daemon twice a second. */
const RECONNECTED_MS = 700;

function victimOf(roll: number): 'daemon' | 'proxy' | 'server' {
  if (roll < 0.3) return 'daemon';
  return roll < 0.75 ? 'proxy' : 'server';
}

interface Coverage {
  /** Times without a daemon that the record shows. */
  readonly gaps: number;
  /** Numbers of calls that are nowhere in the record. */
  readonly missingNumbers: number;
  readonly faults: readonly string[];
}

/** The record as a stranger checks it. */
function verifyOutside(home: DaemonHome): Coverage {
  const args = [CLI, 'receipt', 'verify', '-json', '-db', home.db, '-public-key', home.publicKey];
  const options = { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  if (status !== 0) {
    const fault = `receipt verify ended with ${status}: ${stdout.slice(-4000)}${stderr}`;
    return { gaps: 0, missingNumbers: 0, faults: [fault] };
  }
  const { coverage } = JSON.parse(stdout) as {
    readonly coverage: {
      readonly down_time: { readonly gaps: number };
      readonly missing_calls: { readonly count: number };
    };
  };
  const { down_time: downTime, missing_calls: missing } = coverage;
  return { gaps: downTime.gaps, missingNumbers: missing.count, faults: [] };
}
