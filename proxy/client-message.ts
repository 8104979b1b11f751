import type { Buffer } from 'node:buffer';
import type { Governor, Ruling } from './governor.ts';
import type { BatchElement, Inspection } from './inspect.ts';
import type { WaitingRuling } from './waiting-calls.ts';

/** One part of a message of the client, and what is to become of it. */
export interface Considered {
  readonly element: BatchElement;
  readonly ruling: Ruling;
}

/** What became of a message, once nothing in it waits any longer. */
export interface Settled {
  /** What goes on to the server, part by part. */
  readonly kept: readonly Buffer[];
  /** Everything goes on, in the bytes it came in. */
  readonly isWhole: boolean;
  /** Lines of ours for the client. */
  readonly answers: readonly Buffer[];
  /** What the calls that go on are in the record. */
  readonly references: readonly string[];
}

/** The parts of a message: the members of a batch, or all of it. */
export function partsOf(bytes: Buffer, inspection: Inspection): readonly BatchElement[] {
  return inspection.kind === 'batch'
    ? inspection.elements
    : [{ start: 0, end: bytes.length, inspection }];
}

/** Decides about one part. What it says beside calls is noted where it belongs. */
export function consider(governor: Governor, element: BatchElement): Considered {
  const { inspection } = element;
  switch (inspection.kind) {
    case 'other':
      return { element, ruling: { forward: true } };
    case 'cancel': {
      const forward = governor.cancel(inspection.requestId);
      return { element, ruling: { forward, answer: undefined } };
    }
    case 'own-answer': {
      const forward = !governor.heard(inspection.answer);
      return { element, ruling: { forward, answer: undefined } };
    }
    case 'task':
      governor.follow(inspection.request);
      return { element, ruling: { forward: true } };
    case 'survey':
      governor.watch(inspection);
      return { element, ruling: { forward: true } };
    case 'reply':
      governor.answered(inspection.reply);
      return { element, ruling: { forward: true } };
    case 'call':
      return { element, ruling: governor.rule(inspection.call) };
    case 'refuse':
      return { element, ruling: { forward: false, answer: governor.refuse(inspection) } };
  }
}

/** Those that nothing is known about yet. */
export function waitsIn(entries: readonly Considered[]): readonly WaitingRuling[] {
  return entries.flatMap(({ ruling }) => (ruling.forward === 'later' ? [ruling] : []));
}

/** Asks for the last word about every part; what is kept has to leave at once. */
export function settle(bytes: Buffer, entries: readonly Considered[]): Settled {
  const kept: Buffer[] = [];
  const answers: Buffer[] = [];
  const references: string[] = [];
  let isWhole = true;
  for (const { element, ruling } of entries) {
    const final = ruling.forward === 'later' ? ruling.settle() : ruling;
    if (final.forward) {
      kept.push(final.instead ?? bytes.subarray(element.start, element.end));
      isWhole &&= final.instead === undefined;
      if (final.reference !== undefined) references.push(final.reference);
      continue;
    }
    isWhole = false;
    if (final.answer !== undefined) answers.push(final.answer);
  }
  return { kept, isWhole, answers, references };
}
