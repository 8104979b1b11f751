import { Buffer } from 'node:buffer';
import { CodedError } from '../shared/errors.ts';
import { hopStrings, scanElements, scanMembers, type Span } from '../shared/json/scan.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/**
 * The bytes to leave out of a `tools/list` result so that the tools in question are not listed: each
 * tool with one comma beside it, and nothing else, so that ids, cursors and spelling stay.
 *
 * @param isHidden - Asked for every name that a tool has, should it have several.
 * @returns Spans of `result`, in order, never touching each other
 */
export function hiddenTools(result: Buffer, isHidden: (name: string) => boolean): readonly Span[] {
  try {
    if (result[0] !== OPEN_OBJECT) return [];
    return scanMembers(result, undefined, hopStrings)
      .filter(({ name, start }) => name === 'tools' && result[start] === OPEN_ARRAY)
      .flatMap(({ start, end }) => cutsIn(result.subarray(start, end), isHidden, start));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return []; // not JSON: no client reads a list in it
  }
}

function cutsIn(list: Buffer, isHidden: (name: string) => boolean, offset: number): Span[] {
  const elements = scanElements(list, hopStrings);
  const cuts: Span[] = [];
  let kept: Span | undefined;
  for (const [index, element] of elements.entries()) {
    if (!namesOf(list.subarray(element.start, element.end)).some(isHidden)) {
      kept = element;
      continue;
    }
    const next = elements[index + 1];
    // Up to the next tool where nothing stands before, else from behind the last one that stays.
    const start = kept === undefined ? element.start : (elements[index - 1]?.end ?? element.start);
    const end = kept === undefined ? (next?.start ?? element.end) : element.end;
    cuts.push({ start: offset + start, end: offset + end });
  }
  return joined(cuts);
}

function namesOf(tool: Buffer): readonly string[] {
  if (tool[0] !== OPEN_OBJECT) return [];
  return scanMembers(tool, undefined, hopStrings)
    .filter(({ name }) => name === 'name')
    .flatMap(({ start, end }) => {
      const value = parseJson(decodeUtf8(tool.subarray(start, end)));
      return typeof value === 'string' ? [value] : [];
    });
}

function joined(cuts: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const cut of cuts) {
    const last = out.at(-1);
    if (last !== undefined && last.end >= cut.start)
      out[out.length - 1] = { ...last, end: cut.end };
    else out.push(cut);
  }
  return out;
}

/** The bytes without these spans. */
export function without(bytes: Buffer, cuts: readonly Span[]): Buffer {
  let at = 0;
  const parts = cuts.map(({ start, end }) => {
    const part = bytes.subarray(at, start);
    at = end;
    return part;
  });
  return Buffer.concat([...parts, bytes.subarray(at)]);
}
