/**
 * The few primitives the protocol needs. Two implementations exist and every vector runs through
 * both: `nodeSuite` for programs, `nobleSuite` for browsers and as the independent second opinion.
 */
export interface CryptoSuite {
  readonly name: string;
  /** Lower-case hex SHA-256; a string is hashed as its UTF-8 bytes. */
  sha256Hex(data: Uint8Array | string): string;
  /**
   * Any 32 bytes will do, as for every peer; bytes that are no point verify nothing.
   *
   * @throws CodedError `KEY_INVALID` unless `raw` is 32 bytes
   */
  verifyKey(raw: Uint8Array): VerifyKey;
}

/** The public half of an Ed25519 key, ready for many verifications. */
export interface VerifyKey {
  readonly raw: Uint8Array;
  /** False for a signature that does not fit; never throws for bad evidence. RFC 8032 section 5.1.7 */
  verify(message: Uint8Array | string, signature: Uint8Array): boolean;
  /**
   * As `verify`, on another thread; the bytes are the caller's again at once. Absent where there are
   * no threads to spare. Rejects only for faults of the platform, never for bad evidence.
   */
  verifyLater?(message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** The private half. Only the daemon and its key tools hold one. */
export interface Signer {
  readonly publicKey: Uint8Array;
  /** The 64-byte signature of `message`. RFC 8032 section 5.1.6 */
  sign(message: Uint8Array): Uint8Array;
}

/** `sha256:` and lower-case hex, the form of every hash in a receipt. */
export function hashUri(suite: CryptoSuite, data: Uint8Array | string): string {
  return `sha256:${suite.sha256Hex(data)}`;
}
