/**
 * As `toISOString`, in half the time: what V8 has for it leaves the compiled code, and looks at its first call
 * for the time zone of this machine, in files, although it is not asked for.
 */
export function isoTime(date: Date): string {
  const year = date.getUTCFullYear();
  if (!(year >= 1000 && year <= 9999)) return date.toISOString(); // spelled otherwise, or no time at all
  const day = `${year}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const minute = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  const ms = date.getUTCMilliseconds();
  const zeros = ms < 10 ? '00' : ms < 100 ? '0' : '';
  return `${day}T${minute}:${two(date.getUTCSeconds())}.${zeros}${ms}Z`;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : `${number}`;
}
