/** Where a program's own words go: never to standard output, never a secret in them. */
export type Log = (text: string) => void;

/** Lines as operators of the protocol know them: program, local time to the microsecond, text. */
export function stderrLog(program: string, now: () => Date = () => new Date()): Log {
  return (text) => void process.stderr.write(`${program} ${stamp(now())} ${text}\n`);
}

function stamp(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}000`;
}
