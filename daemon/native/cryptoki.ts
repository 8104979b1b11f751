import { Buffer } from 'node:buffer';
import { CodedError } from '../../shared/errors.ts';
import type { LibC } from './libc.ts';

/** Index of each function in CK_FUNCTION_LIST, and its arguments. PKCS #11 v2.40, pkcs11f.h */
const FUNCTIONS = {
  C_Initialize: [0, ['void *']],
  C_Finalize: [1, ['void *']],
  C_GetSlotList: [4, ['uchar', 'void *', 'void *']],
  C_GetTokenInfo: [6, ['ulong', 'void *']],
  C_OpenSession: [12, ['ulong', 'ulong', 'void *', 'void *', 'void *']],
  C_Login: [18, ['ulong', 'ulong', 'void *', 'ulong']],
  C_GetAttributeValue: [24, ['ulong', 'ulong', 'void *', 'ulong']],
  C_FindObjectsInit: [26, ['ulong', 'void *', 'ulong']],
  C_FindObjects: [27, ['ulong', 'void *', 'ulong', 'void *']],
  C_FindObjectsFinal: [28, ['ulong']],
  C_SignInit: [42, ['ulong', 'void *', 'ulong']],
  C_Sign: [43, ['ulong', 'void *', 'ulong', 'void *', 'void *']],
} as const satisfies Readonly<Record<string, readonly [index: number, args: readonly string[]]>>;
type FunctionName = keyof typeof FUNCTIONS;

export const CKR = {
  DATA_LEN_RANGE: 0x21n,
  PIN_INCORRECT: 0xa0n,
  PIN_LOCKED: 0xa4n,
  USER_ALREADY_LOGGED_IN: 0x100n,
  CRYPTOKI_NOT_INITIALIZED: 0x190n,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191n,
} as const;
export const CKA = { CLASS: 0x00n, LABEL: 0x03n, KEY_TYPE: 0x100n, ID: 0x102n, EC_POINT: 0x181n };
export const CKO = { PUBLIC_KEY: 2n, PRIVATE_KEY: 3n } as const;
export const CKK_EC_EDWARDS = 0x40n;
const CKM_EDDSA = 0x1057n;
const CKF_SERIAL_SESSION = 4n;
const CKU_USER = 1n;
const CKF_TOKEN_INITIALIZED = 0x400n;
/** CK_TOKEN_INFO: label, manufacturer, model and serial number stand before the flags. */
const FLAGS_AT = 96;
const TOKEN_INFO_BYTES = 256;
const WORD = 8; // unsigned long and pointers, on every platform that we support
const ATTRIBUTE_BYTES = 3 * WORD;
const MAX_OBJECTS = 16;
const MAX_VALUE_BYTES = 1024;

/** An answer of the module that is not CKR_OK. */
export class CryptokiError extends Error {
  override readonly name = 'CryptokiError';
  readonly status: bigint;

  constructor(call: string, status: bigint) {
    super(`${call} failed, CKR 0x${status.toString(16)}`);
    this.status = status;
  }
}

export interface TokenInfo {
  readonly slot: bigint;
  readonly label: string;
  readonly serial: string;
}

export type Attribute = readonly [type: bigint, value: Uint8Array | bigint];

/**
 * A PKCS #11 module: the calls that finding a key and signing with it take. Every call waits for the
 * module, and a module is code of somebody else inside this process.
 *
 * @see PKCS #11 Cryptographic Token Interface Base Specification v2.40; v3.0 for CKM_EDDSA
 */
export class Cryptoki {
  readonly #koffi: LibC['koffi'];
  readonly #functions = new Map<FunctionName, (...args: unknown[]) => unknown>();

  /** @throws CodedError `SIGNER_UNAVAILABLE` for what is no module, or does not start */
  constructor({ koffi }: LibC, path: string) {
    this.#koffi = koffi;
    const list = Buffer.alloc(WORD);
    try {
      const getList = koffi.load(path).func('ulong C_GetFunctionList(void *list)');
      if (BigInt(getList(list) as number | bigint) !== 0n) throw new Error('it has no functions');
    } catch (cause) {
      const message = `PKCS #11 module ${path}: ${(cause as Error).message}`;
      throw new CodedError('SIGNER_UNAVAILABLE', message, { cause });
    }
    for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
      const [index, args] = FUNCTIONS[name];
      // A version of two bytes, padded, and then the pointers.
      const at = list.readBigUInt64LE() + BigInt(WORD + index * WORD);
      const pointer: unknown = koffi.decode(at, 'void *');
      this.#functions.set(name, koffi.decode(pointer, koffi.proto('ulong', [...args])));
    }
    this.#call('C_Initialize', [null], [CKR.CRYPTOKI_ALREADY_INITIALIZED]);
  }

  /** Some modules look for tokens at their start only. Sessions and logins end with it. */
  restart(): void {
    this.#call('C_Finalize', [null], [CKR.CRYPTOKI_NOT_INITIALIZED]);
    this.#call('C_Initialize', [null]);
  }

  /** Tokens that are there and were initialised. */
  tokens(): readonly TokenInfo[] {
    const count = Buffer.alloc(WORD);
    this.#call('C_GetSlotList', [1, null, count]);
    const slots = Buffer.alloc(Number(count.readBigUInt64LE()) * WORD);
    if (slots.length > 0) this.#call('C_GetSlotList', [1, slots, count]);
    return wordsOf(slots, count).flatMap((slot) => {
      const info = Buffer.alloc(TOKEN_INFO_BYTES);
      this.#call('C_GetTokenInfo', [slot, info]);
      const text = (from: number, to: number) => info.toString('utf8', from, to).trimEnd();
      if ((info.readBigUInt64LE(FLAGS_AT) & CKF_TOKEN_INITIALIZED) === 0n) return [];
      return [{ slot, label: text(0, 32), serial: text(80, 96) }];
    });
  }

  openSession(slot: bigint): bigint {
    const session = Buffer.alloc(WORD);
    this.#call('C_OpenSession', [slot, CKF_SERIAL_SESSION, null, null, session]);
    return session.readBigUInt64LE();
  }

  login(session: bigint, pin: Uint8Array): void {
    const args = [session, CKU_USER, pin, pin.length];
    this.#call('C_Login', args, [CKR.USER_ALREADY_LOGGED_IN]);
  }

  /** Handles of the objects that have these attributes, at most sixteen. */
  find(session: bigint, wanted: readonly Attribute[]): readonly bigint[] {
    const values = wanted.map(([type, value]) => {
      return [type, typeof value === 'bigint' ? word(value) : value] as const;
    });
    this.#call('C_FindObjectsInit', [session, this.#template(values), wanted.length]);
    try {
      const found = Buffer.alloc(MAX_OBJECTS * WORD);
      const count = Buffer.alloc(WORD);
      this.#call('C_FindObjects', [session, found, MAX_OBJECTS, count]);
      return wordsOf(found, count);
    } finally {
      this.#call('C_FindObjectsFinal', [session]);
    }
  }

  read(session: bigint, object: bigint, type: bigint): Buffer {
    const attribute = this.#template([[type, Buffer.alloc(MAX_VALUE_BYTES)]]);
    this.#call('C_GetAttributeValue', [session, object, attribute, 1]);
    const length = Number(attribute.readBigUInt64LE(2 * WORD));
    return attribute.subarray(ATTRIBUTE_BYTES, ATTRIBUTE_BYTES + length);
  }

  /** An Ed25519 signature, as far as the module is right. */
  sign(session: bigint, key: bigint, message: Uint8Array): Uint8Array {
    const mechanism = Buffer.concat([word(CKM_EDDSA), word(0n), word(0n)]);
    this.#call('C_SignInit', [session, mechanism, key]);
    const signature = Buffer.alloc(MAX_VALUE_BYTES);
    const length = word(BigInt(signature.length));
    this.#call('C_Sign', [session, message, message.length, signature, length]);
    return new Uint8Array(signature.subarray(0, Number(length.readBigUInt64LE())));
  }

  /**
   * CK_ATTRIBUTEs, each a type, an address and a length, and behind them the values that they point
   * to. One block, because what the module is handed is kept while it runs, and nothing else is.
   */
  #template(values: readonly (readonly [type: bigint, value: Uint8Array])[]): Buffer {
    const heads = values.length * ATTRIBUTE_BYTES;
    const block = Buffer.concat([Buffer.alloc(heads), ...values.map(([, value]) => value)]);
    const base = this.#koffi.address(block);
    let at = heads;
    for (const [i, [type, value]] of values.entries()) {
      const head = [type, base + BigInt(at), BigInt(value.length)];
      block.set(Buffer.concat(head.map(word)), i * ATTRIBUTE_BYTES);
      at += value.length;
    }
    return block;
  }

  #call(name: FunctionName, args: readonly unknown[], fine: readonly bigint[] = []): void {
    const call = this.#functions.get(name);
    const status = BigInt(call?.(...args) as number | bigint);
    if (status !== 0n && !fine.includes(status)) throw new CryptokiError(name, status);
  }
}

function word(value: bigint): Buffer {
  const bytes = Buffer.alloc(WORD);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function wordsOf(list: Buffer, count: Buffer): readonly bigint[] {
  const length = Math.min(Number(count.readBigUInt64LE()), list.length / WORD);
  return Array.from({ length }, (_, i) => list.readBigUInt64LE(i * WORD));
}
