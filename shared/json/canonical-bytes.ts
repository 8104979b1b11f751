import { canonicalize, sortedMembers } from './canonical.ts';
import { isJsonObject, type JsonValue } from './value.ts';

/**
 * The canonical form as the bytes that are hashed and signed. What is small and plain, as nearly all of
 * a receipt is, is written at its place at once; no text is put together first, which would be
 * a third of what a receipt leaves for the garbage collector.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Longer strings, and what nests deeper, are left to `canonicalize`. */
const MAX_PLAIN = 256;
const MAX_DEPTH = 64;
/** Of one UTF-16 code unit. */
const MAX_UTF8_BYTES = 3;
const SCRATCH_BYTES = 16 * 1024;

let encoder: InstanceType<typeof TextEncoder> | undefined; // with its first use: see text.ts
let scratch = new Uint8Array(SCRATCH_BYTES);
let size = 0;

/**
 * `canonicalize`, in UTF-8.
 *
 * @returns A view of memory that the next call writes over: hash it, sign it, or copy it
 * @throws As `canonicalize`
 * @see RFC 8785 section 3.2.4
 */
export function canonicalBytes(value: JsonValue): Uint8Array {
  // One large receipt must not be remembered for ever.
  if (scratch.length > SCRATCH_BYTES) scratch = new Uint8Array(SCRATCH_BYTES);
  size = 0;
  write(value, 0);
  return scratch.subarray(0, size);
}

function write(value: JsonValue, depth: number): void {
  if (typeof value === 'string') writeString(value);
  else if (typeof value !== 'object' || value === null || depth === MAX_DEPTH) {
    writeText(canonicalize(value, depth));
  } else if (isJsonObject(value)) {
    const { names, container } = sortedMembers(value);
    writeByte(OPEN_OBJECT);
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      if (i > 0) writeByte(COMMA);
      writeString(name);
      writeByte(COLON);
      write(container[name] as JsonValue, depth + 1);
    }
    writeByte(CLOSE_OBJECT);
  } else {
    writeByte(OPEN_ARRAY);
    for (let i = 0; i < value.length; i += 1) {
      if (i > 0) writeByte(COMMA);
      write(value[i] as JsonValue, depth + 1);
    }
    writeByte(CLOSE_ARRAY);
  }
}

function writeByte(byte: number): void {
  makeRoom(1);
  scratch[size] = byte;
  size += 1;
}

function writeString(text: string): void {
  if (text.length > MAX_PLAIN) {
    writeText(canonicalize(text));
    return;
  }
  makeRoom(text.length + 2);
  const bytes = scratch;
  let at = size;
  bytes[at] = QUOTE;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
      writeText(canonicalize(text)); // from its start: `size` has not moved
      return;
    }
    at += 1;
    bytes[at] = code;
  }
  bytes[at + 1] = QUOTE;
  size = at + 2;
}

function writeText(text: string): void {
  makeRoom(text.length * MAX_UTF8_BYTES);
  encoder ??= new TextEncoder();
  size += encoder.encodeInto(text, scratch.subarray(size)).written;
}

function makeRoom(more: number): void {
  if (size + more <= scratch.length) return;
  const larger = new Uint8Array(Math.max(scratch.length * 2, size + more));
  larger.set(scratch.subarray(0, size));
  scratch = larger;
}
