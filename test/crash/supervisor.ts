import { setTimeout as pause } from 'node:timers/promises';
import type { DaemonHome, DaemonProcess } from '../fixtures/daemon-process.ts';

/** From the moment of a kill until somebody listens again. */
export interface Outage {
  readonly fromMs: number;
  toMs: number;
}

/** Keeps a daemon running, as a service manager does, and knows when there was none. */
export class Supervisor {
  readonly outages: Outage[] = [];
  readonly #home: DaemonHome;
  readonly #flags: readonly string[];
  readonly #random: () => number;
  #daemon: DaemonProcess | undefined;
  #isStopping = false;
  #watching: Promise<void> = Promise.resolve();

  constructor(home: DaemonHome, flags: readonly string[], random: () => number) {
    this.#home = home;
    this.#flags = flags;
    this.#random = random;
  }

  async start(): Promise<void> {
    this.#daemon = await this.#home.start({ flags: this.#flags });
    this.#watching = this.#watch(this.#daemon);
  }

  /** At whatever it is doing, a start included. */
  kill(): boolean {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.hasEnded) return false;
    this.outages.push({ fromMs: performance.now(), toMs: Infinity });
    daemon.kill('SIGKILL');
    return true;
  }

  /** Ends the daemon in order. */
  async stop(): Promise<DaemonProcess> {
    while (this.upMs < 0) await pause(10);
    this.#isStopping = true;
    const daemon = this.#daemon as DaemonProcess;
    const { code } = await daemon.stop();
    await this.#watching;
    if (code !== 0) throw new Error(`the daemon ended with ${code}: ${daemon.stderr}`);
    return daemon;
  }

  /** For how long there has been a daemon; below 0 while there is none. */
  get upMs(): number {
    const outage = this.outages.at(-1);
    return outage === undefined ? Infinity : performance.now() - outage.toMs;
  }

  async #noteStart(daemon: DaemonProcess): Promise<void> {
    try {
      await daemon.said('obsigna-daemon listening on');
    } catch {
      return; // killed in its start; the next one follows
    }
    const outage = this.outages.at(-1);
    if (outage !== undefined && !daemon.hasEnded) outage.toMs = performance.now();
  }

  async #watch(daemon: DaemonProcess): Promise<void> {
    for (let current = daemon; ;) {
      const { code, signal } = await current.exit;
      if (this.#isStopping) return;
      if (signal !== 'SIGKILL') throw new Error(`the daemon ended with ${code}: ${current.stderr}`);
      await pause(this.#random() * 50);
      const next = this.#home.launch({ flags: this.#flags });
      this.#daemon = next;
      void this.#noteStart(next);
      current = next;
    }
  }
}
