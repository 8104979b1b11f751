const PLAIN = /^[\w@%+=:,./-]+$/;

/** Words as a POSIX shell would have to be given them (IEEE Std 1003.1, section 2.2.2). */
export function shellQuote(words: readonly string[]): string {
  return words
    .map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}
