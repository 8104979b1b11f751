import { OnceLine } from '../../emitter/report-once.ts';

/** Where the hook reports to: at most one connection at a time, and a fresh one for each report. */
export class DaemonLine {
  /** Empty: the operator has said that nothing is to be recorded. */
  readonly socketPath: string;
  #line: OnceLine | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Beforehand: the daemon gets ready for us while we read what the agent says. */
  dial(): void {
    if (this.socketPath !== '') this.#line = new OnceLine(this.socketPath, 'obsigna-hook');
  }

  /** The one that was dialled, if it still stands and has told nothing; undefined where there is no daemon. */
  line(): OnceLine | undefined {
    if (this.#line?.isFree !== true) {
      this.#line?.hangUp();
      this.dial();
    }
    return this.#line;
  }
}
