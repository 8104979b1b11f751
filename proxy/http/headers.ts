/** Header fields as they were on the wire: name, value, name, value. Case, order and repeats count. */
export type RawHeaders = readonly string[];

/** Fields that speak of one connection, and end with it. @see RFC 9110 section 7.6.1 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Fields that make some servers run another method than the one in the request line. */
export const METHOD_OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'];

/** Every value of a field, in order. @param name - In lower case. */
export function valuesOf(headers: RawHeaders, name: string): readonly string[] {
  return pairsOf(headers).flatMap(([field, value]) =>
    field.toLowerCase() === name ? [value] : [],
  );
}

/**
 * The fields that are for the next reader, as they were written. Without those of the connection,
 * and those that `Connection` names.
 *
 * @param drop - Others that shall not go on, in lower case.
 */
export function endToEnd(headers: RawHeaders, drop: readonly string[] = []): readonly string[] {
  const named = valuesOf(headers, 'connection')
    .flatMap((value) => value.split(','))
    .map((token) => token.trim().toLowerCase());
  const gone = new Set([...HOP_BY_HOP, ...named, ...drop]);
  return withoutPairs(headers, (name) => gone.has(name));
}

/** The fields that are not meant. @param isMeant - Asked with the name in lower case. */
export function withoutPairs(
  headers: RawHeaders,
  isMeant: (name: string, value: string) => boolean,
): readonly string[] {
  return pairsOf(headers)
    .filter(([name, value]) => !isMeant(name.toLowerCase(), value))
    .flat();
}

/** The same fields with another value for one of them, where it stands; every repeat is changed. */
export function withValue(
  headers: RawHeaders,
  name: string,
  change: (value: string) => string,
): readonly string[] {
  return pairsOf(headers).flatMap(([field, value]) =>
    field.toLowerCase() === name ? [field, change(value)] : [field, value],
  );
}

/** With one value for a field: where it stood first, or else at the end. */
export function withField(headers: RawHeaders, name: string, value: string): readonly string[] {
  const lower = name.toLowerCase();
  let isSet = false;
  const others = pairsOf(headers).flatMap(([field, old]) => {
    if (field.toLowerCase() !== lower) return [field, old];
    if (isSet) return [];
    isSet = true;
    return [field, value];
  });
  return isSet ? others : [...others, name, value];
}

/** Whether the body is in UTF-8: what JSON is in unless a parameter says otherwise. */
export function isUtf8Text(headers: RawHeaders): boolean {
  return valuesOf(headers, 'content-type').every((value) => {
    const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(value)?.[1];
    return charset === undefined || /^utf-?8$/i.test(charset);
  });
}

/** Whether the body is packed in some way. */
export function isEncoded(headers: RawHeaders): boolean {
  return valuesOf(headers, 'content-encoding').some((it) => !/^\s*(identity)?\s*$/i.test(it));
}

/** `type/subtype` in lower case, without parameters; empty where the header is absent or repeated. */
export function mediaType(headers: RawHeaders): string {
  const [value = '', ...more] = valuesOf(headers, 'content-type');
  return more.length > 0 ? '' : (value.split(';', 1)[0] as string).trim().toLowerCase();
}

function pairsOf(headers: RawHeaders): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    pairs.push([headers[at] as string, headers[at + 1] as string]);
  }
  return pairs;
}
