import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { knownActionTypes, riskOf } from '../../shared/receipt/taxonomy.ts';
import { chainTexts, type Draft } from '../vectors/fixture.ts';
import { rotation, signed, terminal } from '../vectors/judge.ts';
import { readVectors, type ChainVectors } from '../vectors/read.ts';
import { AVAILABILITY, hasPublished, listPublished, readPublished } from './published.ts';

type Schema = { readonly properties: { readonly [name: string]: unknown } };
interface Taxonomy {
  readonly domains: Readonly<
    Record<
      string,
      { readonly actions: readonly { readonly type: string; readonly risk_level: string }[] }
    >
  >;
}

function compile(path: string, amend?: (schema: Draft) => void): ValidateFunction {
  const schema = readPublished<Draft>(path, {});
  amend?.(schema);
  return new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
}

/** [F.schema-tool-name] The schema forgets a member that daemons have always written. */
function allowToolName(schema: Draft): void {
  const isAction = (it: unknown): it is Schema =>
    typeof it === 'object' &&
    it !== null &&
    'properties' in it &&
    JSON.stringify(it).includes('"risk_level"');
  const found: Schema[] = [];
  const visit = (it: unknown): void => {
    if (typeof it !== 'object' || it === null) return;
    if (isAction(it) && 'risk_level' in it.properties) found.push(it);
    Object.values(it).forEach(visit);
  };
  visit(schema);
  expect(found).toHaveLength(1);
  for (const { properties } of found) Object.assign(properties, { tool_name: { type: 'string' } });
}

describe.skipIf(!hasPublished)(`JSON schema, ${AVAILABILITY}`, () => {
  const validate = hasPublished
    ? compile('schema/agent-receipt.schema.json', allowToolName)
    : ((() => false) as unknown as ValidateFunction);
  const problems = (receipt: unknown) => {
    validate(receipt);
    return validate.errors ?? [];
  };

  test.each(listPublished('examples'))('accepts %s', (path) => {
    expect(problems(readPublished<unknown>(path, undefined))).toEqual([]);
  });

  test('accepts the signed 0.5.0 receipts and the rotation event', () => {
    const vectors = readPublished<Record<string, { receipt?: unknown }>>(
      'receipts/v050_vectors.json',
      {},
    );
    const receipts = Object.values(vectors).flatMap((it) => it.receipt ?? []);
    expect(receipts).toHaveLength(3);
    const rotated = readPublished<unknown>('rotation-event/example.json', undefined);
    expect([...receipts, rotated].flatMap(problems)).toEqual([]);
  });

  test('accepts what we sign ourselves', () => {
    const { receipts } = readVectors<ChainVectors>('chain.json');
    const links = [
      {},
      rotation(),
      signed('issuer', { runtime: { agent_id: 'a', obsigna: {} } }),
      terminal,
    ];
    const own = [...chainTexts(links), ...receipts].map((text): unknown => JSON.parse(text));
    expect(own).toHaveLength(10);
    expect(own.flatMap(problems)).toEqual([]);
  });

  test('refuses a member outside issuer.runtime, so ours may stand nowhere else', () => {
    const [text = ''] = chainTexts([signed('credentialSubject.action', { obsigna: {} })]);
    expect(validate(JSON.parse(text))).toBe(false);
  });
});

describe.skipIf(!hasPublished)(`[S.risk-table] taxonomy, ${AVAILABILITY}`, () => {
  const taxonomy = readPublished<Taxonomy>('taxonomy/action-types.json', { domains: {} });
  const published = Object.values(taxonomy.domains).flatMap(({ actions }) => actions);

  test.each(published)('$type is $risk_level', ({ type, risk_level: risk }) => {
    expect(riskOf(type)).toBe(risk);
  });

  test('we know every published type, and beside them only those that daemons define', () => {
    const types = new Set(published.map(({ type }) => type));
    const own = knownActionTypes()
      .map(([type]) => type)
      .filter((type) => !types.has(type));
    expect(types.size).toBeGreaterThan(30);
    expect(own.toSorted()).toEqual([
      'agent_receipts.daemon_started',
      'agent_receipts.daemon_stopped',
      'doctor.agent-receipts-doctor.roundtrip',
      'unknown',
    ]);
  });

  test('the published file has its own schema', () => {
    const validate = compile('schema/taxonomy.schema.json');
    validate(taxonomy);
    expect(validate.errors ?? []).toEqual([]);
  });
});
