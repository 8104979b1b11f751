import { Buffer } from 'node:buffer';

/** Message numbers of the agent protocol. draft-ietf-sshm-ssh-agent, "Message numbers" */
export const SSH_AGENT_FAILURE = 5;
export const SSH_AGENTC_REQUEST_IDENTITIES = 11;
export const SSH_AGENT_IDENTITIES_ANSWER = 12;
export const SSH_AGENTC_SIGN_REQUEST = 13;
export const SSH_AGENT_SIGN_RESPONSE = 14;

export const ED25519 = 'ssh-ed25519';

/** Reads the values of one message in order. Lengths in it are an agent's word: each is checked. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint32(): number {
    if (this.#bytes.length - this.#at < 4) throw new Error('message ends inside a number');
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  /** A `string` of RFC 4251 section 5: a length and that many bytes. */
  string(): Buffer {
    const length = this.uint32();
    if (length > this.#bytes.length - this.#at) throw new Error('message ends inside a string');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function sshString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}

/** The 32 raw bytes of an Ed25519 key blob; undefined for a key of another kind. RFC 8709 section 4 */
export function ed25519Key(blob: Buffer): Buffer | undefined {
  const reader = new SshReader(blob);
  if (reader.string().toString('latin1') !== ED25519) return undefined;
  const raw = reader.string();
  return raw.length === 32 ? raw : undefined;
}

/** The 64 raw bytes inside an Ed25519 signature blob. RFC 8709 section 6 */
export function ed25519Signature(blob: Buffer): Buffer {
  const reader = new SshReader(blob);
  const kind = reader.string().toString('latin1');
  if (kind !== ED25519) throw new Error(`signature of kind ${kind}, not ${ED25519}`);
  const raw = reader.string();
  if (raw.length !== 64) throw new Error(`signature of ${raw.length} bytes, not 64`);
  return raw;
}
