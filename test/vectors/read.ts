import { readFileSync } from 'node:fs';

/** A chain as it was written and what became of it; see `source` in the file. */
export interface ChainVectors {
  readonly chainId: string;
  readonly publicKeyHex: string;
  readonly receipts: readonly string[];
  readonly hashes: readonly string[];
  readonly variants: readonly {
    readonly name: string;
    /** A number is that receipt of the chain as it is, a text is what stands there instead. */
    readonly rows: readonly (number | string)[];
    readonly result: 'valid' | 'broken';
    readonly brokenAt: number;
    readonly error?: string;
  }[];
}

export interface CanonicalVectors {
  readonly accepted: readonly {
    readonly name: string;
    /** The bytes as text, or in hex where they are not UTF-8. */
    readonly text?: string;
    readonly hex?: string;
    readonly canonical: string;
    readonly hash: string;
  }[];
  readonly refused: readonly {
    readonly name: string;
    readonly text?: string;
    readonly hex?: string;
    readonly code: string;
  }[];
}

export interface WorkedExample {
  readonly publicKeyHex: string;
  readonly frame: string;
  readonly receipt: string;
  readonly canonicalLength: number;
  readonly receiptHash: string;
  readonly canonicalInput: string;
  readonly parametersHash: string;
  readonly canonicalOutput: string;
  readonly responseHash: string;
}

export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T;
}
