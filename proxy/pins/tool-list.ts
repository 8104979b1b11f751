import type { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

/** One page of a list of tools. */
export interface ToolPage {
  readonly tools: readonly JsonObject[];
  /** The list goes on there. An empty text is a cursor like any other. */
  readonly nextCursor: string | undefined;
}

/** A page as a client would read it; undefined for what no client takes for one. */
export function readToolPage(result: Buffer): ToolPage | undefined {
  const value = readObject(result);
  const tools = value?.['tools'];
  if (value === undefined || !Array.isArray(tools)) return undefined;
  const { nextCursor } = value;
  return {
    tools: (tools as readonly JsonValue[]).filter(isJsonObject),
    nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined,
  };
}

/** What a server tells a model about itself, in the answer to `initialize` or `server/discover`. */
export function readInstructions(result: Buffer): string | null | undefined {
  const value = readObject(result);
  if (value === undefined) return undefined;
  const { instructions = null } = value;
  return typeof instructions === 'string' ? instructions : null;
}

function readObject(text: Buffer): JsonObject | undefined {
  try {
    const value = parseJson(decodeUtf8(text));
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}

/**
 * Puts the pages of one list together. Whoever reads a list again begins a new one; the one before
 * stays in force until then.
 */
export class ToolPages {
  #names = new Set<string>();
  #next: string | undefined;
  /** Names that stood twice in the list so far. */
  readonly duplicates = new Set<string>();

  /** @returns The names of the whole list once its last page has come */
  add(cursor: string | undefined, page: ToolPage): ReadonlySet<string> | undefined {
    if (cursor === undefined) {
      this.#names = new Set();
      this.duplicates.clear();
    } else if (cursor !== this.#next) {
      return undefined; // a page out of order: what it lists counts, the list as a whole does not
    }
    this.#next = page.nextCursor;
    for (const { name } of page.tools) {
      if (typeof name !== 'string') continue;
      if (this.#names.has(name)) this.duplicates.add(name);
      this.#names.add(name);
    }
    return page.nextCursor === undefined ? this.#names : undefined;
  }
}
