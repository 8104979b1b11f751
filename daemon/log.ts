export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What stands beside the text: members of a JSON line. Text lines say it in words already. */
export interface LogDetails {
  readonly level?: LogLevel;
  readonly [field: string]: string | number | undefined;
}

/**
 * Where a program's own words go: never to standard output, never a secret in them. The level is
 * the one in `details`, or that of a text which begins with `level=warn`, or info.
 */
export type Log = (text: string, details?: LogDetails) => void;

export interface LogSettings {
  readonly format: LogFormat;
  readonly level: LogLevel;
}

const PREFIX = /^level=(debug|info|warn|error) /;

/** A log whose format and level can change while it is in use. */
export class StderrLog {
  readonly #program: string;
  readonly #now: () => Date;
  readonly #write: (line: string) => void;
  #settings: LogSettings;

  constructor(
    program: string,
    settings: LogSettings,
    now: () => Date = () => new Date(),
    write: (line: string) => void = (line) => void process.stderr.write(line),
  ) {
    this.#program = program;
    this.#settings = settings;
    this.#now = now;
    this.#write = write;
  }

  get format(): LogFormat {
    return this.#settings.format;
  }

  configure(settings: LogSettings): void {
    this.#settings = settings;
  }

  readonly log: Log = (text, details = {}) => {
    const { level: given, ...fields } = details;
    const level = given ?? ((PREFIX.exec(text)?.[1] ?? 'info') as LogLevel);
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#settings.level)) return;
    const now = this.#now();
    if (this.#settings.format === 'json') {
      const line = { time: now.toISOString(), level, msg: text.replace(PREFIX, ''), ...fields };
      this.#write(`${JSON.stringify(line)}\n`);
    } else {
      // As operators of the protocol know it: program, local time to the microsecond, text.
      this.#write(`${this.#program} ${stamp(now)} ${text}\n`);
    }
  };
}

function stamp(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}000`;
}
