import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { AMOUNT_MEMBERS, FILE_MEMBERS, LOGIC_MEMBERS, TEST_MEMBERS } from './tables.ts';
import type { ListShape, MapShape, MemberShapes, Shape } from './shape.ts';

/** For editors: the shape of a rules file. Patterns, paths and the like are only checked by `rules check`. */
export function rulesSchema(): JsonObject {
  const file = mapSchema({
    kind: 'map',
    members: FILE_MEMBERS,
    needsOneOf: ['rules', 'allow', 'block'],
  });
  const { required: _, ...open } = file;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Rules of obsigna mcp-proxy',
    ...open,
    $defs: { condition: conditionSchema() },
  };
}

function conditionSchema(): JsonObject {
  const { field, ...tests } = TEST_MEMBERS;
  const form = (members: MemberShapes, more: JsonObject): JsonObject => ({
    ...mapSchema({ kind: 'map', members }),
    ...more,
  });
  return {
    anyOf: [
      form(
        { ...(field !== undefined && { field }), ...tests },
        { required: ['field'], minProperties: 2 },
      ),
      form(AMOUNT_MEMBERS, { required: ['amount', 'above'] }),
      ...Object.entries(LOGIC_MEMBERS).map(([name, member]) =>
        form({ [name]: member }, { required: [name] }),
      ),
      { type: 'array', minItems: 1, items: { $ref: '#/$defs/condition' } },
    ],
  };
}

function mapSchema({ members, needsOneOf }: MapShape): JsonObject {
  const properties: Record<string, JsonValue> = {};
  const required: string[] = [];
  for (const [name, { shape, about, required: remedy, default: standard }] of Object.entries(
    members,
  )) {
    properties[name] = {
      ...shapeSchema(shape),
      description: plainText(about),
      ...(standard !== undefined && { default: standard }),
    };
    if (remedy !== undefined) required.push(name);
  }
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    ...(required.length > 0 && { required }),
    ...(needsOneOf !== undefined && { anyOf: needsOneOf.map((name) => ({ required: [name] })) }),
  };
}

function shapeSchema(shape: Shape): JsonObject {
  switch (shape.kind) {
    case 'text':
      return shape.oneLine === true ? { type: 'string', minLength: 1 } : { type: 'string' };
    case 'flag':
      return { type: 'boolean' };
    case 'word':
      return { type: 'string', enum: shape.words };
    case 'whole':
      return { type: 'integer', minimum: shape.min, maximum: shape.max };
    case 'number':
      return { type: 'number' };
    case 'pattern':
    case 'path':
    case 'zone':
      return { type: 'string', minLength: 1 };
    case 'expression':
      return { type: 'string', minLength: 1, maxLength: 500 };
    case 'duration': {
      const period = '(?=.)(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?';
      return {
        type: 'string',
        pattern: shape.orSession === true ? `^(?:${period}|session)$` : `^${period}$`,
      };
    }
    case 'clock':
      return { type: 'string', pattern: '^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$' };
    case 'value':
      return {};
    case 'limits':
      return {
        anyOf: [
          { type: 'number', minimum: 0 },
          {
            type: 'object',
            minProperties: 1,
            propertyNames: { pattern: '^[A-Z0-9]{1,12}$' },
            additionalProperties: { type: 'number', minimum: 0 },
          },
        ],
      };
    case 'condition':
      return { $ref: '#/$defs/condition' };
    case 'list':
      return listSchema(shape);
    case 'map':
      return mapSchema(shape);
    case 'entry':
      return { anyOf: [{ type: 'string', minLength: 1 }, mapSchema(shape.map)] };
  }
}

function listSchema({ item, orOne, mayBeEmpty }: ListShape): JsonObject {
  const items = shapeSchema(item);
  const list: JsonObject = { type: 'array', items, ...(mayBeEmpty !== true && { minItems: 1 }) };
  return orOne === true ? { anyOf: [items, list] } : list;
}

/** Without the marks of Markdown, which editors show as they are. */
function plainText(about: string): string {
  return about.replaceAll(/\[([^\]]*)\]\(#[^)]*\)/g, '$1').replaceAll('`', '');
}
