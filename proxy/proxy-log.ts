/** The proxy's own words, on standard error: standard output belongs to MCP. */
export type ProxyLog = (text: string) => void;

/** Lines with the prefix and the date that operators of the protocol search for. */
export function stderrProxyLog(now: () => Date = () => new Date()): ProxyLog {
  return (text) => void process.stderr.write(`${stamp(now())} mcp-proxy: ${text}\n`);
}

const MAX_PRINTED = 300;

/** Text from a peer, safe in a log: it cannot start a line, drive a terminal or fill the disk. */
export function printable(text: string): string {
  const shown = text.length > MAX_PRINTED ? `${text.slice(0, MAX_PRINTED)}...` : text;
  return shown.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const point = character.codePointAt(0) as number;
    return `\\u{${point.toString(16)}}`;
  });
}

function stamp(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
