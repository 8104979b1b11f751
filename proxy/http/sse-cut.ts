import { Buffer } from 'node:buffer';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** One event of a stream, as it came and as it reads. */
export interface SseEvent {
  /** All of it, with its line ends and the empty line that ends it. */
  readonly bytes: Buffer;
  /** `message` unless the event says otherwise. */
  readonly type: string;
  /** Undefined where the event has none; empty where it takes the last one back. */
  readonly id: string | undefined;
  /** Its `data` lines joined with LF. Undefined for comments, and for events with other fields only. */
  readonly data: Buffer | undefined;
  /** How long to wait before a stream is taken up again, in milliseconds. */
  readonly retryMs: number | undefined;
}

export interface SseHandler {
  event(event: SseEvent): void;
  /** Once per event that outgrew the limit; it is skipped to its end. */
  tooLong(bytes: number): void;
}

/**
 * Cuts the bytes of an event stream into events. Where the stream was cut into chunks does not matter,
 * lines may end in LF, CR or both, and all bytes of all events together are the bytes that came.
 *
 * @see WHATWG HTML, "Server-sent events", parsing an event stream
 */
export class SseCutter {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #isLineEmpty = true;
  /** Some line of this event has begun. */
  #hasText = false;
  /** The last byte was CR: an LF behind it ends nothing. */
  #isBehindCr = false;
  #isSkipping = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The start of an event has come, and its end has not. */
  get isMidEvent(): boolean {
    return this.#hasText;
  }

  /** @param chunk - Kept until its events are complete; the caller must not reuse it. */
  push(chunk: Buffer, handler: SseHandler): void {
    let start = 0;
    let at = 0;
    let nextCr = chunk.indexOf(CR);
    while (at < chunk.length) {
      if (this.#isBehindCr && chunk[at] === LF) {
        this.#isBehindCr = false;
        at += 1;
        continue;
      }
      this.#isBehindCr = false;
      if (nextCr !== -1 && nextCr < at) nextCr = chunk.indexOf(CR, at);
      const end = firstOf(chunk.indexOf(LF, at), nextCr);
      if (end !== at) this.#hasText = true;
      if (end === -1) {
        this.#isLineEmpty = false;
        break;
      }
      const isEmptyLine = this.#isLineEmpty && end === at;
      this.#isBehindCr = chunk[end] === CR;
      this.#isLineEmpty = true;
      at = end + 1;
      if (!isEmptyLine) continue;
      if (this.#isBehindCr && chunk[at] === LF) at += 1;
      this.#add(chunk.subarray(start, at), handler);
      start = at;
      this.#finish(handler);
    }
    if (start < chunk.length) this.#add(chunk.subarray(start), handler);
  }

  /** Bytes behind the last event: no reader takes them for one. Empty where they were too many. */
  end(): Buffer {
    return Buffer.concat(this.#chunks.splice(0));
  }

  #add(part: Buffer, handler: SseHandler): void {
    this.#length += part.length;
    if (this.#isSkipping) return;
    if (this.#length > this.#maxBytes) {
      this.#isSkipping = true;
      this.#chunks = [];
      handler.tooLong(this.#length);
      return;
    }
    this.#chunks.push(part);
  }

  #finish(handler: SseHandler): void {
    const chunks = this.#chunks;
    const isSkipped = this.#isSkipping;
    this.#chunks = [];
    this.#length = 0;
    this.#isSkipping = false;
    this.#hasText = false;
    if (isSkipped) return;
    handler.event(readEvent(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
  }
}

/** The same event with other data: every other line stays as it is. */
export function withData(event: SseEvent, data: Buffer): Buffer {
  const kept: Buffer[] = [];
  let isPlaced = false;
  for (const line of linesOf(event.bytes)) {
    if (fieldOf(line.text)?.name !== 'data') {
      kept.push(line.whole);
    } else if (!isPlaced) {
      const end = line.whole.subarray(line.text.length);
      for (const { text } of linesOf(data)) kept.push(DATA, text, end);
      isPlaced = true;
    }
  }
  return Buffer.concat(kept);
}

/** An event with one message. Lines of it become lines of the event, which readers join again. */
export function messageEvent(message: Buffer): Buffer {
  const parts: Buffer[] = [MESSAGE];
  for (const { text } of linesOf(message)) parts.push(DATA, text, NEWLINE);
  return Buffer.concat([...parts, NEWLINE]);
}

const DATA = Buffer.from('data: ');
const MESSAGE = Buffer.from('event: message\n');
const NEWLINE = Buffer.from('\n');

function readEvent(bytes: Buffer): SseEvent {
  let type = '';
  let id: string | undefined;
  let retryMs: number | undefined;
  const data: Buffer[] = [];
  for (const { text } of linesOf(bytes)) {
    const field = fieldOf(text);
    if (field === undefined) continue;
    const { name, value } = field;
    if (name === 'data') data.push(value);
    else if (name === 'event') type = value.toString();
    else if (name === 'id' && !value.includes(0)) id = value.toString();
    else if (name === 'retry' && /^\d{1,9}$/.test(value.toString()))
      retryMs = Number(value.toString());
  }
  return { bytes, type: type === '' ? 'message' : type, id, data: joined(data), retryMs };
}

function joined(lines: readonly Buffer[]): Buffer | undefined {
  if (lines.length < 2) return lines[0];
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [NEWLINE, line])));
}

interface Line {
  readonly text: Buffer;
  /** With its end. */
  readonly whole: Buffer;
}

function linesOf(bytes: Buffer): readonly Line[] {
  const lines: Line[] = [];
  let start = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  while (start < bytes.length) {
    const end = firstOf(bytes.indexOf(LF, start), bytes.indexOf(CR, start));
    const text = bytes.subarray(start, end === -1 ? bytes.length : end);
    const after = end === -1 ? bytes.length : end + 1;
    const next = bytes[end] === CR && bytes[after] === LF ? after + 1 : after;
    lines.push({ text, whole: bytes.subarray(start, next) });
    start = next;
  }
  return lines;
}

/** Undefined for an empty line and for a comment. */
function fieldOf(line: Buffer): { readonly name: string; readonly value: Buffer } | undefined {
  const colon = line.indexOf(COLON);
  if (line.length === 0 || colon === 0) return undefined;
  if (colon === -1) return { name: line.toString(), value: line.subarray(line.length) };
  const start = line[colon + 1] === SPACE ? colon + 2 : colon + 1;
  return { name: line.subarray(0, colon).toString(), value: line.subarray(start) };
}

/** The smaller of two places, where -1 is none. */
function firstOf(one: number, other: number): number {
  if (one === -1) return other;
  return other === -1 ? one : Math.min(one, other);
}
