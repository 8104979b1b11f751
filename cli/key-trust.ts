import { Handovers } from '../shared/chain/handovers.ts';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../shared/crypto/public-key.ts';
import type { VerifyKey } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { signedText } from '../shared/receipt/hash.ts';
import { parseReceipt } from '../shared/receipt/parse.ts';
import { verifyProof } from '../shared/receipt/proof.ts';
import type { Keyring, NamedKey } from './keyring.ts';
import type { ReceiptReader, StoredRow } from './store/reader.ts';

/** What every verdict says about a key that was taken from the file beside the store. */
export const NOT_PINNED = 'key not pinned';

/**
 * Which key a chain is judged by, and whether that key is one to trust: the same answer for every
 * command that judges receipts.
 *
 * The genesis key of a chain is the published one, or an archived one that signed the first receipt.
 * A file beside the published key proves nothing. Unpinned, an archived key counts when rotations,
 * each signed by the key it retires, lead to the published key, in this chain or another of the
 * store. But the incoming key does not countersign: whoever can write the store and the directory of
 * the key can lead a key of their own to the published one. Pins close that hole. Trust then begins
 * at a pinned key and goes where its rotations lead, and the published file counts for nothing.
 */
export class KeyTrust {
  readonly keyring: Keyring;
  readonly pins: readonly string[];
  readonly #reader: ReceiptReader;
  #handovers: Handovers | undefined;

  /** @param pins - Fingerprints as `parsePins` returns them; empty when nothing is pinned. */
  constructor(reader: ReceiptReader, keyring: Keyring, pins: readonly string[]) {
    this.#reader = reader;
    this.keyring = keyring;
    this.pins = pins;
  }

  /** The rotations that the store proves; read when first asked for. */
  get handovers(): Handovers {
    return (this.#handovers ??= handoversOf(this.#reader, this.keyring));
  }

  /** The key that the first receipt of a chain is to be judged by. */
  genesisOf(first: StoredRow | undefined): NamedKey {
    const { published, archived } = this.keyring;
    if (first === undefined || archived.length === 0) return published;
    return [published, ...archived].find(({ key }) => signs(key, first)) ?? published;
  }

  /**
   * Why a chain that verifies is still not to be trusted; undefined when it is.
   *
   * @param last - The key in force at the end of the chain.
   */
  objectionTo(genesis: NamedKey, last: VerifyKey): string | undefined {
    if (this.pins.length > 0) return this.#pinObjection(genesis);
    const { published } = this.keyring;
    if (genesis === published) return undefined;
    const end = keyFingerprint(nodeSuite, last.raw);
    if (this.handovers.leads(end, published.fingerprint)) return undefined;
    return end === genesis.fingerprint
      ? `signed by the archived key ${genesis.path}, and no rotation leads from it to the published key`
      : 'its rotation chain does not end at the published key';
  }

  #pinObjection({ fingerprint }: NamedKey): string | undefined {
    // Asked first: with a pinned genesis key nothing else of the store needs to be believed.
    if (this.pins.includes(fingerprint)) return undefined;
    if (this.pins.some((pin) => this.handovers.leads(pin, fingerprint))) return undefined;
    return `${NOT_PINNED}: the chain begins with ${fingerprint}, to which no pinned key leads`;
  }
}

/** The rotations in a store that the keys of the keyring prove. */
export function handoversOf(reader: ReceiptReader, { published, archived }: Keyring): Handovers {
  const keys = new Map([published, ...archived].map((it) => [it.fingerprint, it.key]));
  const texts = function* () {
    for (const { text } of reader.rotations()) yield text;
  };
  return new Handovers(nodeSuite, texts, (fingerprint) => keys.get(fingerprint));
}

/** Whether a key signed a row, whatever else is wrong with it. */
export function signs(key: VerifyKey, { text }: StoredRow): boolean {
  try {
    const { receipt, json } = parseReceipt(text);
    return verifyProof(key, signedText(json), receipt.proof);
  } catch {
    return false; // the verifier says what is wrong with it
  }
}

/** @throws CodedError `USAGE` for what is no fingerprint: a pin that never fits protects nobody */
export function parsePins(given: readonly string[] | undefined): readonly string[] {
  return (given ?? []).map((pin) => {
    if (/^sha256:[\da-f]{64}$/.test(pin)) return pin;
    const message = `-pin ${JSON.stringify(pin)} is not sha256: and 64 hex digits`;
    throw new CodedError('USAGE', message);
  });
}
