import { decodeName, hopStrings, scanMembers, type StringSkip } from './scan.ts';

/** Longer than any name that is asked for with every character escaped. */
const MAX_NAME_BYTES = 256;

/**
 * Whether an object has a member of one of these names, at any depth, without decoding the rest:
 * who asks about a few names should not pay for megabytes beside them.
 *
 * @param object - Text of one object that was scanned before.
 * @param names - In lower case; compared without case. At most 40 characters each.
 */
export function hasName(
  object: Uint8Array,
  names: ReadonlySet<string>,
  hop: StringSkip = hopStrings,
): boolean {
  let isFound = false;
  const listener = {
    openObject: () => undefined,
    closeObject: () => undefined,
    name: (bytes: Uint8Array, start: number, end: number) => {
      if (isFound || end - start > MAX_NAME_BYTES) return;
      isFound = names.has(decodeName(bytes, start, end).toLowerCase());
    },
  };
  scanMembers(object, listener, hop);
  return isFound;
}
