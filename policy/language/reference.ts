import {
  AMOUNT_MEMBERS,
  FILE_MEMBERS,
  LOGIC_MEMBERS,
  RULE_MEMBERS,
  TEST_MEMBERS,
} from './tables.ts';
import type { MemberShapes, Shape } from './shape.ts';

/** The tables of docs/rules.md, by the heading under which they stand. */
export function referenceTables(): Readonly<Record<string, string>> {
  const part = (name: string) => membersOf(RULE_MEMBERS[name]?.shape);
  const step = membersOf(RULE_MEMBERS['after']?.shape);
  return {
    'Keys of the file': table(FILE_MEMBERS),
    'Keys of a rule': table(RULE_MEMBERS),
    Tests: table(TEST_MEMBERS),
    'Any, all, not': table(LOGIC_MEMBERS),
    Amounts: table(AMOUNT_MEMBERS),
    Rates: table(part('rate')),
    Budgets: table(part('budget')),
    Time: table(part('during')),
    Sequences: table(step),
    Annotations: table(part('annotations')),
  };
}

function membersOf(shape: Shape | undefined): MemberShapes {
  if (shape?.kind === 'list') return membersOf(shape.item);
  return shape?.kind === 'map' ? shape.members : {};
}

function table(members: MemberShapes): string {
  const rows = Object.entries(members).map(
    ([name, { shape, about, required, default: standard }]) => {
      const presence =
        required !== undefined
          ? 'required'
          : standard === undefined || standard === ''
            ? ''
            : `\`${standard}\``;
      return `| \`${name}\` | ${typeText(shape)} | ${presence} | ${about} |`;
    },
  );
  return ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function typeText(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return shape.oneLine === true ? 'text, one line' : 'text';
    case 'flag':
      return '`true`, `false`';
    case 'word':
      return shape.words.map((word) => `\`${word}\``).join(', ');
    case 'whole':
      return `whole number, ${shape.min} to ${shape.max}`;
    case 'number':
      return 'number';
    case 'pattern':
      return '[pattern](#patterns)';
    case 'path':
      return '[path](#paths)';
    case 'expression':
      return '[expression](#expressions)';
    case 'duration':
      return shape.orSession === true ? 'period or `session`' : 'period';
    case 'clock':
      return 'time of day';
    case 'zone':
      return 'time zone';
    case 'value':
      return 'any value';
    case 'limits':
      return 'number, or a map by currency';
    case 'condition':
      return '[condition](#conditions)';
    case 'list': {
      const item = shape.item.kind === 'word' ? 'words' : typeText(shape.item);
      return shape.orOne === true ? `${item}, or a list` : `list: ${item}`;
    }
    case 'map':
      return 'map';
    case 'entry':
      return '[pattern](#patterns) or map';
  }
}
