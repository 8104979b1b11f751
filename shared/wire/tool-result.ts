import { hopStrings, scanMembers, type StringSkip } from '../json/scan.ts';

const OPEN_OBJECT = 0x7b;
const T_OF_TRUE = 0x74;

/**
 * Whether a result says `isError: true`, which is how tools fail. Reads the text without decoding it.
 *
 * @param result - One JSON value, already checked: what its strings hold is not looked at.
 * @see MCP 2025-11-25 "tools", error handling
 */
export function resultSaysError(result: Uint8Array, hop: StringSkip = hopStrings): boolean {
  if (result[0] !== OPEN_OBJECT) return false;
  const members = scanMembers(result, undefined, hop);
  const member = members.findLast(({ name }) => name === 'isError');
  return member !== undefined && result[member.start] === T_OF_TRUE;
}
