#!/usr/bin/env node
// Opens a disclosure envelope with node:crypto alone: RFC 9180 base mode, X25519, HKDF-SHA256,
// AES-256-GCM. Shares no code with obsigna, so that nobody has to trust it to read what it sealed.
//   node open-envelope.mjs forensic.key < envelope.json
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const KEM = Buffer.concat([Buffer.from('KEM'), u16(0x20)]);
const HPKE = Buffer.concat([Buffer.from('HPKE'), u16(0x20), u16(1), u16(2)]);
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const label = (suite, name) => Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(name)]);
const extract = (suite, salt, name, ikm) => hmac(salt, Buffer.concat([label(suite, name), ikm]));
function expand(suite, prk, name, info, length) {
  const block = Buffer.concat([u16(length), label(suite, name), info, Buffer.from([1])]);
  return hmac(prk, block).subarray(0, length); // one block: nothing here is longer than 32 bytes
}
const der = (prefix, raw) => ({ key: Buffer.concat([Buffer.from(prefix, 'hex'), raw]), format: 'der' });
const secretKey = (raw) => createPrivateKey({ ...der('302e020100300506032b656e04220420', raw), type: 'pkcs8' });
const publicKey = (raw) => createPublicKey({ ...der('302a300506032b656e032100', raw), type: 'spki' });

/** The plaintext of an envelope, for 32 raw bytes of private key. Throws when the key does not fit. */
export function openEnvelope({ recipients: [{ enc }], ct }, privateBytes) {
  const [point, sealed] = [Buffer.from(enc, 'base64url'), Buffer.from(ct, 'base64url')];
  const privateKey = secretKey(privateBytes);
  const ownPoint = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32);
  const dh = diffieHellman({ privateKey, publicKey: publicKey(point) }); // refuses an all-zero secret
  const eae = extract(KEM, '', 'eae_prk', dh);
  const shared = expand(KEM, eae, 'shared_secret', Buffer.concat([point, ownPoint]), 32);
  const none = Buffer.alloc(0);
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(HPKE, '', 'psk_id_hash', none),
    extract(HPKE, '', 'info_hash', none),
  ]);
  const secret = extract(HPKE, shared, 'secret', none);
  const nonce = expand(HPKE, secret, 'base_nonce', context, 12);
  const cipher = createDecipheriv('aes-256-gcm', expand(HPKE, secret, 'key', context, 32), nonce);
  cipher.setAuthTag(sealed.subarray(-16));
  return cipher.update(sealed.subarray(0, -16), undefined, 'utf8') + cipher.final('utf8');
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const envelope = JSON.parse(readFileSync(0, 'utf8'));
  process.stdout.write(`${openEnvelope(envelope, readFileSync(process.argv[2]))}\n`);
}
