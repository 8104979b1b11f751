/**
 * Lower case, one code point for one code point.
 *
 * `String.prototype.toLowerCase` looks at neighbours (a final sigma) and may grow (`İ` becomes two
 * code points), so a pattern and the text it should match could fold differently: `CONFİG` would
 * slip past `*config*`. Folding each code point on its own, and keeping the first of what it
 * becomes, is the simple case mapping Go applies on the other side of the protocol.
 */
export function foldCase(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  let folded = '';
  for (const character of text) {
    const lower = character.toLowerCase();
    folded += String.fromCodePoint(lower.codePointAt(0) ?? 0);
  }
  return folded;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
