import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { keyFingerprint } from '../../shared/crypto/public-key.ts';
import type { Signer, VerifyKey } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';
import { BlockingSocket } from '../native/blocking-socket.ts';
import type { LibC } from '../native/libc.ts';
import {
  ed25519Key,
  ed25519Signature,
  SSH_AGENT_FAILURE,
  SSH_AGENT_IDENTITIES_ANSWER,
  SSH_AGENT_SIGN_RESPONSE,
  SSH_AGENTC_REQUEST_IDENTITIES,
  SSH_AGENTC_SIGN_REQUEST,
  sshString,
  sshUint32,
  SshReader,
} from './ssh-wire.ts';

/** OpenSSH's limit on a message, and a request adds the key and three lengths to what it signs. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_SIGNED_BYTES = MAX_MESSAGE_BYTES - 256;
/** Everybody waits for a signature. A key that asks a person first (ssh-add -c) is not for a daemon. */
const TIMEOUT_MS = 2000;

interface Identity {
  readonly blob: Buffer;
  readonly raw: Buffer;
  readonly comment: string;
  /** As ssh-add -l prints it. */
  readonly sshFingerprint: string;
  /** As rotation receipts name it. */
  readonly fingerprint: string;
}

/**
 * A signer whose private half never enters this process: an ssh-agent signs. It waits for the
 * answer, see ADR 0016. Every signature is verified before anybody sees it, so a faulty agent
 * costs a refusal and not a chain.
 *
 * @see draft-ietf-sshm-ssh-agent; RFC 8709
 */
export class SshAgentSigner implements Signer {
  readonly publicKey: Uint8Array;
  readonly #agent: Agent;
  readonly #blob: Buffer;
  readonly #key: VerifyKey;

  /**
   * @param wanted - `SHA256:…` as `ssh-add -l` prints it, `sha256:…` of the raw key, or the comment.
   * @param socketPath - As `SSH_AUTH_SOCK` says; undefined where it says nothing.
   * @throws CodedError `SIGNER_UNAVAILABLE`
   */
  constructor(libc: LibC, wanted: string, socketPath: string | undefined) {
    if (socketPath === undefined || socketPath === '') {
      throw new CodedError('SIGNER_UNAVAILABLE', 'SSH_AUTH_SOCK is not set');
    }
    this.#agent = new Agent(libc, socketPath);
    const { blob, raw } = choose(this.#identities(), wanted);
    this.#blob = blob;
    this.publicKey = new Uint8Array(raw);
    this.#key = nodeSuite.verifyKey(this.publicKey);
    this.sign(Buffer.from('obsigna: can this agent sign?')); // now, not at the first receipt
  }

  sign(message: Uint8Array): Uint8Array {
    if (message.length > MAX_SIGNED_BYTES) {
      const text = `receipt of ${message.length} bytes, limit ${MAX_SIGNED_BYTES} with an ssh-agent`;
      throw new CodedError('SIGNER_LIMIT', text);
    }
    const answer = this.#agent.ask(
      [sshString(this.#blob), sshString(message), sshUint32(0)],
      SSH_AGENTC_SIGN_REQUEST,
      SSH_AGENT_SIGN_RESPONSE,
      (reader) => ed25519Signature(reader.string()),
    );
    if (!this.#key.verify(message, answer)) {
      throw new CodedError(
        'SIGNER_UNAVAILABLE',
        'the ssh-agent made a signature that does not verify',
      );
    }
    return answer;
  }

  #identities(): readonly Identity[] {
    return this.#agent.ask(
      [],
      SSH_AGENTC_REQUEST_IDENTITIES,
      SSH_AGENT_IDENTITIES_ANSWER,
      (reader) => {
        const identities: Identity[] = [];
        for (let left = reader.uint32(); left > 0; left -= 1) {
          const identity = identityOf(reader.string(), reader.string().toString());
          if (identity !== undefined) identities.push(identity);
        }
        return identities;
      },
    );
  }
}

function identityOf(blob: Buffer, comment: string): Identity | undefined {
  const raw = ed25519Key(blob);
  if (raw === undefined) return undefined;
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  const fingerprint = keyFingerprint(nodeSuite, raw);
  return { blob, raw, comment, sshFingerprint: `SHA256:${digest}`, fingerprint };
}

function choose(identities: readonly Identity[], wanted: string): Identity {
  const exact = identities.filter(
    ({ sshFingerprint, fingerprint }) => wanted === sshFingerprint || wanted === fingerprint,
  );
  const matching =
    exact.length > 0 ? exact : identities.filter(({ comment }) => comment === wanted);
  const [only, second] = matching;
  if (only !== undefined && second === undefined) return only;
  const list = identities.map((it) => `${it.sshFingerprint} (${it.comment})`).join(', ');
  const what = only === undefined ? 'no Ed25519 key' : 'several Ed25519 keys';
  const has = list === '' ? 'it has none' : `it has ${list}`;
  throw new CodedError('SIGNER_UNAVAILABLE', `${what} "${wanted}" in the ssh-agent; ${has}`);
}

/** One connection, kept; made anew when the agent was restarted. */
class Agent {
  readonly #libc: LibC;
  readonly #path: string;
  #socket: BlockingSocket | undefined;

  constructor(libc: LibC, path: string) {
    this.#libc = libc;
    this.#path = path;
  }

  ask<T>(
    parts: readonly Uint8Array[],
    request: number,
    expected: number,
    read: (reader: SshReader) => T,
  ): T {
    const body = Buffer.concat([Uint8Array.of(request), ...parts]);
    const isOld = this.#socket !== undefined;
    try {
      return read(this.#exchange(body, expected));
    } catch (first) {
      this.#drop(); // what is left of an answer must not be taken for the next one
      // Restarted since we last spoke: ask the new one. What an agent says is not asked for twice.
      if (!isOld || !isLost(first)) throw unavailable(this.#path, first);
    }
    try {
      return read(this.#exchange(body, expected));
    } catch (error) {
      this.#drop();
      throw unavailable(this.#path, error);
    }
  }

  #exchange(body: Buffer, expected: number): SshReader {
    this.#socket ??= new BlockingSocket(this.#libc, this.#path, TIMEOUT_MS);
    this.#socket.write(sshString(body));
    const length = this.#socket.read(4).readUInt32BE(0);
    if (length === 0 || length > MAX_MESSAGE_BYTES) throw new Error(`answer of ${length} bytes`);
    const answer = this.#socket.read(length);
    const kind = answer[0];
    if (kind === SSH_AGENT_FAILURE) throw new Error('it refused');
    if (kind !== expected) throw new Error(`answer of kind ${kind}, expected ${expected}`);
    return new SshReader(answer.subarray(1));
  }

  #drop(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

function isLost(error: unknown): boolean {
  return ['EPIPE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function isTimeout(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

function unavailable(path: string, cause: unknown): CodedError {
  const why = isTimeout(cause) ? `no answer in ${TIMEOUT_MS} ms` : (cause as Error).message;
  return new CodedError('SIGNER_UNAVAILABLE', `ssh-agent at ${path}: ${why}`, { cause });
}
