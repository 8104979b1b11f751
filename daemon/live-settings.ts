import { CodedError } from '../shared/errors.ts';
import { compareConfig, type DaemonConfig } from './config.ts';
import type { Log } from './log.ts';
import type { Notifier } from './native/notify.ts';

/** The settings in force, and what a reload makes of them. */
export class LiveSettings {
  #current: DaemonConfig;
  readonly #notifier: Notifier;
  readonly #log: Log;
  #status = '';

  constructor(config: DaemonConfig, notifier: Notifier, log: Log) {
    this.#current = config;
    this.#notifier = notifier;
    this.#log = log;
  }

  get current(): DaemonConfig {
    return this.#current;
  }

  ready(chainId: string): void {
    this.#status = `listening on ${this.#current.socket}, chain ${chainId}`;
    this.#notifier.ready(this.#status);
  }

  reload(read: () => DaemonConfig): DaemonConfig {
    this.#notifier.reloading();
    try {
      const next = read();
      const { live, restart } = compareConfig(this.#current, next);
      const { shutdownDeadlineMs, logFormat, logLevel } = next;
      this.#current = { ...this.#current, shutdownDeadlineMs, logFormat, logLevel };
      this.#log(`reload: ${live.length === 0 ? 'nothing to apply' : `applied ${live.join(', ')}`}`);
      if (restart.length > 0) {
        this.#log(`level=warn reload: ${restart.join(', ')} changed and need a restart`);
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#log(`level=error reload: ${error.message}; the old settings stay in force`);
    } finally {
      this.#notifier.ready(this.#status);
    }
    return this.#current;
  }
}
