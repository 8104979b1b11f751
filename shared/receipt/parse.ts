import { CodedError } from '../errors.ts';
import { parseJson } from '../json/text.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.ts';
import { withoutNulls } from './hash.ts';
import { OUTCOME_STATUSES, RISK_LEVELS, type ReadReceipt, type Receipt } from './receipt.ts';

type Check = (value: JsonValue) => boolean;

const text: Check = (value) => typeof value === 'string';
const object: Check = (value) => isJsonObject(value);
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === 'boolean';
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const textOrNull: Check = (value) => value === null || text(value);
const oneOf =
  (allowed: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && allowed.includes(value);

/**
 * Every member that readers rely on, by path: a trailing `?` marks one that may be absent. Parents
 * stand before their children. Members of versions to come are let through; they are covered by the
 * signature like all others.
 */
const MEMBERS: readonly (readonly [path: string, check: Check, expected: string])[] = [
  ['@context', texts, 'an array of strings'],
  ['id', text, 'a string'],
  ['type', texts, 'an array of strings'],
  ['version', text, 'a string'],
  ['issuanceDate', text, 'a string'],
  ['issuer', object, 'an object'],
  ['issuer.id', text, 'a string'],
  ['issuer.type?', text, 'a string'],
  ['issuer.name?', text, 'a string'],
  ['issuer.operator?', object, 'an object'],
  ['issuer.model?', text, 'a string'],
  ['issuer.session_id?', text, 'a string'],
  ['issuer.runtime?', object, 'an object'],
  ['credentialSubject', object, 'an object'],
  ['credentialSubject.principal', object, 'an object'],
  ['credentialSubject.principal.id', text, 'a string'],
  ['credentialSubject.action', object, 'an object'],
  ['credentialSubject.action.id', text, 'a string'],
  ['credentialSubject.action.type', text, 'a string'],
  ['credentialSubject.action.tool_name?', text, 'a string'],
  ['credentialSubject.action.risk_level', oneOf(RISK_LEVELS), RISK_LEVELS.join(', ')],
  ['credentialSubject.action.target?', object, 'an object'],
  ['credentialSubject.action.target.system?', text, 'a string'],
  ['credentialSubject.action.target.resource?', text, 'a string'],
  ['credentialSubject.action.parameters_hash?', text, 'a string'],
  ['credentialSubject.action.parameters_disclosure?', object, 'an object'],
  ['credentialSubject.action.peer_credential?', object, 'an object'],
  ['credentialSubject.action.peer_credential.pid?', count, 'a whole number'],
  ['credentialSubject.action.emitter_metadata?', object, 'an object'],
  ['credentialSubject.action.emitter_metadata.drop_count?', count, 'a whole number'],
  ['credentialSubject.action.timestamp', text, 'a string'],
  ['credentialSubject.action.idempotency_key?', text, 'a string'],
  ['credentialSubject.outcome', object, 'an object'],
  ['credentialSubject.outcome.status', oneOf(OUTCOME_STATUSES), OUTCOME_STATUSES.join(', ')],
  ['credentialSubject.outcome.error?', text, 'a string'],
  ['credentialSubject.outcome.response_hash?', text, 'a string'],
  ['credentialSubject.outcome.response_disclosure?', object, 'an object'],
  ['credentialSubject.chain', object, 'an object'],
  ['credentialSubject.chain.sequence', count, 'a whole number'],
  ['credentialSubject.chain.previous_receipt_hash', textOrNull, 'a string or null'],
  ['credentialSubject.chain.chain_id', text, 'a string'],
  ['credentialSubject.chain.terminal?', flag, 'true or false'],
  ['credentialSubject.chain.status?', text, 'a string'],
  ['credentialSubject.keyRotation?', object, 'an object'],
  ['credentialSubject.keyRotation.event_type?', text, 'a string'],
  ['credentialSubject.keyRotation.new_public_key?', text, 'a string'],
  ['credentialSubject.keyRotation.old_key_fingerprint?', text, 'a string'],
  ['credentialSubject.keyRotation.new_key_fingerprint?', text, 'a string'],
  ['credentialSubject.keyRotation.old_algorithm?', text, 'a string'],
  ['credentialSubject.keyRotation.new_algorithm?', text, 'a string'],
  ['credentialSubject.keyRotation.signed_with?', text, 'a string'],
  ['credentialSubject.correlation_id?', text, 'a string'],
  ['credentialSubject.delegation?', object, 'an object'],
  ['proof', object, 'an object'],
  ['proof.type', text, 'a string'],
  ['proof.created', text, 'a string'],
  ['proof.verificationMethod', text, 'a string'],
  ['proof.proofPurpose', text, 'a string'],
  ['proof.proofValue', text, 'a string'],
];

interface CompiledMember {
  readonly path: string;
  readonly parent: number;
  readonly name: string;
  readonly optional: boolean;
  readonly check: Check;
  readonly expected: string;
}

/** Paths split once, so that reading a million receipts does not split them a million times. */
const COMPILED: readonly CompiledMember[] = compile();

/** Scratch: what was found at each path of the receipt at hand. */
const FOUND: (JsonValue | undefined)[] = COMPILED.map(() => undefined);

function compile(): CompiledMember[] {
  const paths = MEMBERS.map(([path]) => path.replace('?', ''));
  return MEMBERS.map(([declared, check, expected]) => {
    const path = declared.replace('?', '');
    const dot = path.lastIndexOf('.');
    return {
      path,
      parent: dot === -1 ? -1 : paths.indexOf(path.slice(0, dot)),
      name: path.slice(dot + 1),
      optional: declared.endsWith('?'),
      check,
      expected,
    };
  });
}

/**
 * Reads one receipt of any version from 0.1.0 to 0.6.0. Structure only: signature, links and
 * schema are other questions.
 *
 * @throws CodedError `JSON_INVALID`, or `RECEIPT_INVALID` naming the first member that is wrong
 * @see Receipt specification, field table
 */
export function parseReceipt(receiptText: string): ReadReceipt {
  return readReceipt(parseJson(receiptText));
}

/** As `parseReceipt`, for a value that is decoded already. */
export function readReceipt(json: JsonValue): ReadReceipt {
  if (!isJsonObject(json)) throw new CodedError('RECEIPT_INVALID', 'a receipt is a JSON object');
  const found = FOUND;
  let hasNull = false;
  for (let i = 0; i < COMPILED.length; i += 1) {
    const member = COMPILED[i] as CompiledMember;
    const parent = member.parent === -1 ? json : found[member.parent];
    let value = parent === undefined ? undefined : own(parent as JsonObject, member.name);
    // A null optional member is read as absent, as every peer does.
    if (value === null && member.name !== 'previous_receipt_hash') {
      hasNull = true;
      value = undefined;
    }
    found[i] = value;
    if (value === undefined) {
      if (!member.optional) throw new CodedError('RECEIPT_INVALID', `${member.path} is missing`);
    } else if (!member.check(value)) {
      const message = `${member.path} is not ${member.expected}`;
      throw new CodedError('RECEIPT_INVALID', message);
    }
  }
  // The proof stays as it was found: whoever looks for what was added to it must see all of it.
  const view = hasNull ? { ...withoutNulls(json), proof: json['proof'] } : json;
  return { receipt: view as unknown as Receipt, json };
}

function own(parent: JsonObject, name: string): JsonValue | undefined {
  const value = parent[name];
  // Most members are optional and absent: the dearer question is about what might be inherited.
  return value === undefined || Object.hasOwn(parent, name) ? value : undefined;
}
