import { Buffer } from 'node:buffer';
import type { Governor } from './governor.ts';
import { inspectClientLine, type BatchElement } from './inspect.ts';
import { LineSplitter, type LineHandler } from './lines.ts';

/** Longest line that is held for a decision. SDK peers stop at 10 MiB. */
export const MAX_CLIENT_LINE_BYTES = 64 * 1024 * 1024;

export interface ClientStreamOptions {
  readonly governor: Governor;
  /** To the server: bytes of the client, unchanged. */
  readonly forward: (bytes: Buffer) => void;
  /** To the client: a whole line of ours. */
  readonly answer: (line: Buffer) => void;
}

/**
 * Client to server: every line is understood before it is passed on, as the bytes it came in, or
 * answered here.
 */
export class ClientStream implements LineHandler {
  readonly #options: ClientStreamOptions;
  readonly #splitter = new LineSplitter(MAX_CLIENT_LINE_BYTES);

  constructor(options: ClientStreamOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk, this);
  }

  /** A last line without a newline counts like any other: a server may act on it. */
  end(): void {
    this.#splitter.end(this);
  }

  line(bytes: Buffer): void {
    const { governor, forward, answer } = this.#options;
    const inspection = inspectClientLine(bytes);
    if (inspection.kind === 'batch') {
      this.#batch(bytes, inspection.elements);
    } else if (this.#passes(inspection)) {
      forward(bytes);
    } else if (inspection.kind === 'refuse') {
      answer(governor.refuse(inspection));
    }
  }

  tooLong(bytes: number): void {
    const { governor, answer } = this.#options;
    const reason = `line longer than ${MAX_CLIENT_LINE_BYTES} bytes (${bytes} so far)`;
    answer(governor.refuse({ kind: 'refuse', reason, rpcCode: -32600, id: undefined }));
  }

  /** Rules on one message; a denial is answered here, a refusal by the caller. */
  #passes(inspection: BatchElement['inspection']): boolean {
    const { governor, answer } = this.#options;
    switch (inspection.kind) {
      case 'other':
        return true;
      case 'cancel':
        governor.cancel(inspection.requestId);
        return true;
      case 'call': {
        const ruling = governor.rule(inspection.call);
        if (!ruling.forward && ruling.answer !== undefined) answer(ruling.answer);
        return ruling.forward;
      }
      case 'refuse':
        return false;
    }
  }

  /** What is stopped is cut out of the array; the others keep their bytes and their order. */
  #batch(bytes: Buffer, elements: readonly BatchElement[]): void {
    const { governor, forward, answer } = this.#options;
    const kept: BatchElement[] = [];
    for (const element of elements) {
      const { inspection } = element;
      if (this.#passes(inspection)) kept.push(element);
      else if (inspection.kind === 'refuse') answer(governor.refuse(inspection));
    }
    if (kept.length === elements.length) {
      forward(bytes);
    } else if (kept.length > 0) {
      const texts = kept.map(({ start, end }) => bytes.subarray(start, end));
      const joined = texts.flatMap((text, index) => (index === 0 ? [text] : [COMMA, text]));
      forward(Buffer.concat([Buffer.from('['), ...joined, Buffer.from(']\n')]));
    }
  }
}

const COMMA = Buffer.from(',');
