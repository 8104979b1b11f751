import { Buffer } from 'node:buffer';
import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import type { Signer, VerifyKey } from '../../shared/crypto/suite.ts';
import { CodedError } from '../../shared/errors.ts';
import { CKA, CKK_EC_EDWARDS, CKO, CKR, Cryptoki, CryptokiError } from '../native/cryptoki.ts';
import type { Attribute } from '../native/cryptoki.ts';
import type { LibC } from '../native/libc.ts';
import { readPrivateFile } from './key-files.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';

/** OCTET STRING or BIT STRING around the 32 bytes; some modules leave the wrapping out. */
const WRAPPINGS = ['', '0420', '032100'];

interface Session {
  readonly handle: bigint;
  readonly key: bigint;
}

/**
 * A signer whose private half is in a PKCS #11 token. Every signature is verified before anybody sees
 * it. A token that was taken out refuses, and is asked again with the next batch; a PIN that was wrong
 * is never tried again by this process, because tokens lock themselves after a few.
 *
 * @see ADR 0023
 */
export class Pkcs11Signer implements Signer {
  readonly publicKey: Uint8Array;
  readonly #module: Cryptoki;
  readonly #uri: Pkcs11Uri;
  readonly #key: VerifyKey;
  readonly #pin: () => Uint8Array;
  #session: Session | undefined;
  #isStale = false;
  #refused: CodedError | undefined;

  /**
   * @param pin - Of `AGENTRECEIPTS_PKCS11_PIN`, for a URI that names no file.
   * @throws CodedError `SIGNER_UNAVAILABLE`; `KEY_UNSAFE` for a PIN that others may read
   */
  constructor(libc: LibC, uri: Pkcs11Uri, pin: string | undefined) {
    this.#uri = uri;
    this.#module = new Cryptoki(libc, uri.modulePath);
    this.#pin = () => pinOf(uri, pin);
    const session = this.#guard(() => this.#open());
    this.publicKey = this.#guard(() => this.#readPublicKey(session));
    this.#key = nodeSuite.verifyKey(this.publicKey);
    this.sign(Buffer.from('obsigna: can this token sign?')); // now, not at the first receipt
  }

  sign(message: Uint8Array): Uint8Array {
    const signature = this.#guard(() => {
      const { handle, key } = this.#session ?? this.#open();
      return this.#module.sign(handle, key, message);
    });
    if (this.#key.verify(message, signature)) return signature;
    throw this.#unavailable('it made a signature that does not verify');
  }

  #open(): Session {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#isStale) this.#module.restart();
    this.#isStale = false;
    const { token, serial } = this.#uri;
    const tokens = this.#module
      .tokens()
      .filter((it) => token === undefined || it.label === token)
      .filter((it) => serial === undefined || it.serial === serial);
    const [only] = tokens;
    if (only === undefined || tokens.length > 1) {
      throw this.#unavailable(`${tokens.length} tokens fit, expected one`);
    }
    const handle = this.#module.openSession(only.slot);
    this.#login(handle);
    this.#session = { handle, key: this.#findKey(handle, CKO.PRIVATE_KEY) };
    return this.#session;
  }

  #login(handle: bigint): void {
    try {
      this.#module.login(handle, this.#pin());
    } catch (error) {
      const { status } = error as Partial<CryptokiError>;
      if (status !== CKR.PIN_INCORRECT && status !== CKR.PIN_LOCKED) throw error;
      const what = status === CKR.PIN_LOCKED ? 'the PIN is locked' : 'the PIN is wrong';
      this.#refused = this.#unavailable(`${what}; it is not tried again`);
      throw this.#refused;
    }
  }

  #findKey(handle: bigint, kind: bigint): bigint {
    const { object, id } = this.#uri;
    const wanted: Attribute[] = [
      [CKA.CLASS, kind],
      [CKA.KEY_TYPE, CKK_EC_EDWARDS],
    ];
    if (object !== undefined) wanted.push([CKA.LABEL, Buffer.from(object)]);
    if (id !== undefined) wanted.push([CKA.ID, id]);
    const found = this.#module.find(handle, wanted);
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const what = kind === CKO.PRIVATE_KEY ? 'private' : 'public';
    throw this.#unavailable(`${found.length} ${what} Edwards keys fit, expected one`);
  }

  #readPublicKey({ handle }: Session): Uint8Array {
    const point = this.#module.read(handle, this.#findKey(handle, CKO.PUBLIC_KEY), CKA.EC_POINT);
    const raw = point.subarray(-32);
    const wrapping = point.subarray(0, -32).toString('hex');
    if (raw.length === 32 && WRAPPINGS.includes(wrapping)) return new Uint8Array(raw);
    throw this.#unavailable(`its public key is no Ed25519 key, ${point.length} bytes`);
  }

  /** After a fault the module is started anew: the token may have been taken out, and come back. */
  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof CryptokiError && error.status === CKR.DATA_LEN_RANGE) {
        throw new CodedError('SIGNER_LIMIT', 'the token does not sign so much at once');
      }
      this.#session = undefined;
      this.#isStale = true;
      throw error instanceof CryptokiError ? this.#unavailable(error.message, error) : error;
    }
  }

  #unavailable(why: string, cause?: unknown): CodedError {
    const message = `PKCS #11 module ${this.#uri.modulePath}: ${why}`;
    return new CodedError('SIGNER_UNAVAILABLE', message, { cause });
  }
}

/** Read when it is needed and not kept. */
function pinOf({ pinPath }: Pkcs11Uri, given: string | undefined): Uint8Array {
  if (pinPath !== undefined) return Buffer.from(readPinFile(pinPath).replace(/\r?\n$/, ''));
  if (given !== undefined && given !== '') return Buffer.from(given);
  const message = 'no PIN: name its file with pin-source, or set AGENTRECEIPTS_PKCS11_PIN';
  throw new CodedError('SIGNER_UNAVAILABLE', message);
}

function readPinFile(path: string): string {
  try {
    return readPrivateFile(path);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'KEY_MISSING') throw error;
    throw new CodedError('SIGNER_UNAVAILABLE', `no PIN file at ${path}`, { cause: error });
  }
}
