import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '../shared/errors.ts';
import { policyInForce, type PolicyInForce } from './policy-in-force.ts';
import { printable, type ProxyLog } from './proxy-log.ts';
import { readRulesText } from './rules-file.ts';

/** Finds what a watcher does not: a network disk, a link that leads elsewhere. */
const POLL_MS = 2000;
/** A file has to stay the same for so long: what is still being written may read as fewer rules. */
const SETTLE_MS = 100;

export interface RulesWatchOptions {
  readonly file: string;
  readonly current: PolicyInForce;
  readonly adopt: (policy: PolicyInForce) => void;
  readonly log: ProxyLog;
  /** Shorter in tests. */
  readonly pollMs?: number;
}

/**
 * Follows a rules file. Another file that is in order is in force as a whole from the next call on;
 * one that is not leaves the rules as they are, and is complained about once.
 */
export class RulesWatch {
  readonly #options: RulesWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #digest: string;
  #text: string | undefined;
  #complaint = '';
  #isLooking = false;
  #isClosed = false;

  constructor(options: RulesWatchOptions) {
    this.#options = options;
    this.#digest = options.current.digest;
    this.#timer = setInterval(() => void this.look(), options.pollMs ?? POLL_MS);
    this.#timer.unref();
    this.#follow();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  /** Looks whether the file has changed. Never throws: a policy that cannot be read changes nothing. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { parseRules } = await import('../policy/load-rules.ts');
      const text = await this.#settledText();
      if (text === this.#text || this.#isClosed) return;
      const policy = policyInForce(parseRules(text, this.#options.file));
      this.#text = text;
      this.#complaint = '';
      if (policy.digest !== this.#digest) this.#adopt(policy);
    } catch (error) {
      this.#complain(error as Error);
    } finally {
      this.#isLooking = false;
    }
  }

  #adopt(policy: PolicyInForce): void {
    this.#digest = policy.digest;
    this.#options.adopt(policy);
    const { length } = policy.rules.rules.filter(({ enabled }) => enabled);
    const file = printable(this.#options.file);
    this.#options.log(
      `[INFO] policy: ${file} read again, ${length} rules enabled, ${policy.digest}`,
    );
  }

  /** The first problem, on one line; `mcp-proxy rules check` shows all of them. */
  #complain(error: Error): void {
    if (this.#isClosed || error.message === this.#complaint) return;
    this.#complaint = error.message;
    const [first = '', ...others] = error.message.split('\n');
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    const code = error instanceof CodedError ? error.code : 'INTERNAL';
    this.#options.log(
      `[ERROR] policy: rules stay as they were: ${printable(first)}${more} [${code}]`,
    );
  }

  async #settledText(): Promise<string> {
    const { file } = this.#options;
    let text = await readRulesText(file);
    while (text !== this.#text) {
      await sleep(SETTLE_MS, undefined, { ref: false });
      const again = await readRulesText(file);
      if (again === text) break;
      text = again;
    }
    return text;
  }

  /** Of the folder: an editor that replaces the file would take a watcher of the file with it. */
  #follow(): void {
    const { file } = this.#options;
    try {
      this.#watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file)) void this.look();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // No watcher here; looking now and then is enough.
    }
  }
}
