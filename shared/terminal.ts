import { CodedError } from './errors.ts';

export const COLOR_MODES = ['auto', 'always', 'never'] as const;
export type Colour = 'red' | 'green' | 'yellow' | 'bold';
/** Wraps text in a colour, or returns it as it is where colour is off. */
export type Paint = (colour: Colour, text: string) => string;

const CODES: Readonly<Record<Colour, readonly [on: number, off: number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  bold: [1, 22],
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether output may move the cursor and use colour when nobody asked for either. */
export function isPlain(env: Environment): boolean {
  const { CI: ci = '', TERM: term = '' } = env;
  return term === 'dumb' || (ci !== '' && ci !== 'false' && ci !== '0');
}

/**
 * How to paint. `always` and `never` are final; `auto` paints on a terminal unless `NO_COLOR`, `CI`
 * or `TERM=dumb` says otherwise.
 *
 * @throws CodedError `USAGE` for another mode
 */
export function choosePaint(mode: string, env: Environment, isTerminal: boolean): Paint {
  if (!COLOR_MODES.some((known) => known === mode)) {
    throw new CodedError('USAGE', `-color is "${mode}", expected ${COLOR_MODES.join(', ')}`);
  }
  const { NO_COLOR: noColor = '' } = env;
  const auto = isTerminal && noColor === '' && !isPlain(env);
  if (mode === 'never' || (mode === 'auto' && !auto)) return (_, text) => text;
  return (colour, text) => {
    const [on, off] = CODES[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** Control characters, invisible ones, and those that reorder what stands around them. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex -- finding them is the purpose
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Text for a terminal or a log. What agents and tools report must not move the cursor, forge a line
 * of our output or hide a part of itself.
 */
export function printable(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  });
}
