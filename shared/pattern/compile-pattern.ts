import { classSource } from './char-set.ts';
import { checkPatternCost, MAX_STEPS } from './pattern-cost.ts';
import { parsePattern, PatternError, type PatternNode } from './pattern-syntax.ts';

export const MAX_PATTERN_CHARACTERS = 500;

/**
 * A pattern in the syntax of RE2 as an expression of this language that means the same.
 *
 * @param maxSteps - What one character of a text may cost; less where texts are long.
 * @throws PatternError for what is not understood, and for what a hostile text could keep busy
 */
export function compilePattern(text: string, maxSteps = MAX_STEPS): RegExp {
  if (text.length > MAX_PATTERN_CHARACTERS) {
    throw new PatternError(`longer than ${MAX_PATTERN_CHARACTERS} characters`, 0);
  }
  const pattern = parsePattern(text);
  checkPatternCost(pattern, maxSteps);
  // Written anew from the tree, so that no difference between the two syntaxes can matter.
  return new RegExp(sourceOf(pattern), 'gu');
}

function sourceOf(node: PatternNode): string {
  switch (node.kind) {
    case 'char':
      return classSource(node.set);
    case 'assert':
      return { start: '^', end: '$', boundary: '\\b' }[node.what];
    case 'sequence':
      return node.items.map(sourceOf).join('');
    case 'choice':
      return `(?:${node.options.map(sourceOf).join('|')})`;
    case 'repeat': {
      const max = node.max === Infinity ? '' : node.max;
      return `(?:${sourceOf(node.body)}){${node.min},${max}}${node.lazy ? '?' : ''}`;
    }
  }
}
