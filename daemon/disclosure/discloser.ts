import { nodeSuite } from '../../shared/crypto/node-suite.ts';
import { hashUri } from '../../shared/crypto/suite.ts';
import type { Envelope } from '../../shared/envelope/envelope.ts';
import { sealEnvelope, type Recipient } from '../../shared/envelope/hpke.ts';
import { CodedError } from '../../shared/errors.ts';
import { decodeUtf8, parseJson } from '../../shared/json/text.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import { riskOf } from '../../shared/receipt/taxonomy.ts';
import type { EventFrame, PayloadDigest } from '../../shared/wire/event.ts';
import { actionTypeOf } from '../event-receipt.ts';
import type { Log } from '../log.ts';
import { coversAction, type DisclosurePolicy } from './policy.ts';

/** The envelopes of one receipt. */
export interface Disclosure {
  readonly parameters?: Envelope;
  readonly response?: Envelope;
}

export interface DisclosurePolicies {
  readonly parameters: DisclosurePolicy;
  readonly response: DisclosurePolicy;
}

/** Seals the payloads that the policy names. */
export interface Discloser {
  /** Undefined when there is nothing to seal; never rejects. */
  seal(event: EventFrame): Promise<Disclosure> | undefined;
}

/**
 * A discloser for one recipient. What cannot be sealed is logged and left out: the receipt is
 * written in any case, with the hash alone, and so is not lost to a payload of the wrong shape.
 *
 * @param publicKey - 32 bytes; its fingerprint is the `kid`.
 * @throws CodedError `FORENSIC_KEY_INVALID` when nothing can be sealed for this key
 */
export async function createDiscloser(
  policies: DisclosurePolicies,
  publicKey: Uint8Array,
  log: Log,
): Promise<Discloser> {
  const recipient = { kid: hashUri(nodeSuite, publicKey), publicKey };
  await sealEnvelope({}, recipient); // found now, not with every receipt
  return {
    seal: (event) => {
      const type = actionTypeOf(event);
      const covers = (policy: DisclosurePolicy) => coversAction(policy, type, riskOf(type));
      const skipped = (what: string, why: string) =>
        log(`disclosure skipped (${what}: ${why}) for ${JSON.stringify(type)}`);
      const parameters = covers(policies.parameters)
        ? sealPayload(event.input, event.inputDigest, recipient, (why) =>
            skipped('parameters', why),
          )
        : undefined;
      const response = covers(policies.response)
        ? sealPayload(event.output, event.outputDigest, recipient, (why) =>
            skipped('response', why),
          )
        : undefined;
      if (parameters === undefined && response === undefined) return undefined;
      return collect(parameters, response);
    },
  };
}

type Sealing = Promise<Envelope | undefined> | undefined;

async function collect(parameters: Sealing, response: Sealing): Promise<Disclosure> {
  const [sealedParameters, sealedResponse] = await Promise.all([parameters, response]);
  return {
    ...(sealedParameters !== undefined && { parameters: sealedParameters }),
    ...(sealedResponse !== undefined && { response: sealedResponse }),
  };
}

function sealPayload(
  text: Uint8Array | undefined,
  digest: PayloadDigest | undefined,
  recipient: Recipient,
  skipped: (why: string) => void,
): Sealing {
  if (text !== undefined) return seal(text, recipient, skipped);
  if (digest !== undefined) skipped('only its hash was reported');
  return undefined;
}

async function seal(
  text: Uint8Array,
  recipient: Recipient,
  skipped: (why: string) => void,
): Promise<Envelope | undefined> {
  try {
    const value = parseJson(decodeUtf8(text));
    if (isJsonObject(value)) return await sealEnvelope(value, recipient);
    skipped('not a JSON object');
  } catch (error) {
    // Never the payload: messages of ours do not quote it, and others are not trusted not to.
    skipped(error instanceof CodedError ? error.message : (error as Error).name);
  }
  return undefined;
}
