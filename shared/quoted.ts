const MAX_QUOTED = 100;

/** A text from outside as a reason quotes it: it is logged and sent, and may have megabytes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}...` : text);
}
