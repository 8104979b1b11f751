import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { canonicalBytes } from '../json/canonical-bytes.ts';
import { canonicalPieces } from '../json/canonical-pieces.ts';
import type { LongStrings } from '../json/long-strings.ts';
import { canonicalizeText, decodeUtf8, parseJson } from '../json/text.ts';
import { nodeSuite } from './node-suite.ts';
import { hashUri } from './suite.ts';

/** A shorter text is parsed before its pieces are found. */
const MIN_BYTES = 2048;

/**
 * The hash of a JSON text's canonical form, as receipts have it: that of `canonicalizeText`, without
 * writing down long strings that stand in the text as they would stand there.
 *
 * @param known - What a scan of the message that `text` is a part of has found out.
 * @throws CodedError as `canonicalizeText`
 */
export function canonicalHashUri(text: Uint8Array, known?: LongStrings): string {
  if (text.length < MIN_BYTES) {
    return hashUri(nodeSuite, canonicalBytes(parseJson(decodeUtf8(text))));
  }
  const pieces = isUtf8(text) ? canonicalPieces(text, known) : undefined;
  if (pieces === undefined) return hashUri(nodeSuite, canonicalizeText(text));
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return `sha256:${sum.digest('hex')}`;
}
