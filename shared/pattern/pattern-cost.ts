import { ANYTHING, intersects, isSubset, NOTHING, union, WORD, type CharSet } from './char-set.ts';
import { PatternError, type PatternNode, type RepeatNode } from './pattern-syntax.ts';

/** Steps that one character of the text may cost, whatever the text. */
export const MAX_STEPS = 1000;

/** What a node costs from one place of the text: steps in all, and ways to get through it. */
interface Cost {
  readonly steps: number;
  readonly ways: number;
}

/** What may stand behind a node, nearest first. */
type Rest = readonly PatternNode[];

/**
 * What surely stood before a node and how it went on, for the question how often the same stretch
 * of text can be walked.
 */
interface Before {
  /** Classes of characters that every attempt has passed, each with what could follow it so far. */
  readonly fences: readonly {
    readonly set: CharSet;
    readonly since: CharSet;
    readonly at: number;
  }[];
  /** Longest text before this place; `Infinity` behind an open repetition. */
  readonly length: number;
  /** Behind `^` there is one attempt in the whole text: all others have ended there. */
  readonly isAnchored: boolean;
}

/**
 * Refuses a pattern that a hostile text could keep busy: the work must grow with the text and not
 * with its square. Conservative: what is let through is linear, not everything linear is let through.
 *
 * An attempt of a backtracking matcher is linear when an open repetition never has to decide (what
 * follows it cannot begin with what it repeats) or never has to come back (nothing behind it can
 * fail). All attempts together are linear when a repetition that can fail begins behind a character
 * that it cannot walk over: then no two attempts walk the same stretch. Behind `^` there is one attempt.
 *
 * @throws PatternError naming the repetition
 */
export function checkPatternCost(pattern: PatternNode, maxSteps = MAX_STEPS): void {
  if (shortestOf(pattern) === 0) {
    throw new PatternError('it matches the empty text, so it would match everywhere', 0);
  }
  const { steps } = costOf(pattern, [], { fences: [], length: 0, isAnchored: false });
  if (steps <= maxSteps) return;
  const message = `up to ${show(steps)} steps for one character of text, limit ${maxSteps}`;
  throw new PatternError(`${message}: shorten repetitions, or make neighbours differ`, 0);
}

function costOf(node: PatternNode, rest: Rest, before: Before): Cost {
  switch (node.kind) {
    case 'char':
    case 'assert':
      return { steps: 1, ways: 1 };
    case 'sequence':
      return sequenceCost(node.items, rest, before);
    case 'choice': {
      const costs = node.options.map((option) => costOf(option, rest, before));
      const ways = costs.map((cost) => cost.ways);
      return {
        steps: sum(costs.map(({ steps }) => steps)),
        ways: areDistinct(node.options) ? Math.max(...ways) : sum(ways),
      };
    }
    case 'repeat':
      return node.max === Infinity ? openCost(node, rest, before) : boundedCost(node, rest, before);
  }
}

function sequenceCost(items: readonly PatternNode[], rest: Rest, before: Before): Cost {
  let steps = 0;
  let ways = 1;
  let passed = before;
  for (const [index, item] of items.entries()) {
    const cost = costOf(item, [...items.slice(index + 1), ...rest], passed);
    steps += ways * cost.steps;
    ways *= cost.ways;
    passed = pass(passed, item);
  }
  return { steps, ways };
}

function boundedCost(node: RepeatNode, rest: Rest, before: Before): Cost {
  const { body, min, max } = node;
  // In the second round the body stands behind itself.
  const round = max > 1 ? blur(before, node) : before;
  const again: Rest = max > 1 ? [optional(node), ...rest] : rest;
  const once = costOf(body, again, round);
  const decided = min === max || isDecided(node, rest);
  if (once.ways === 1 && decided) return { steps: max * once.steps + 1, ways: 1 };
  let steps = 1;
  let ways = 0;
  for (let count = 0; count <= max; count += 1) {
    const tries = once.ways ** count;
    if (count < max) steps += tries * once.steps;
    if (count >= min) ways += tries;
  }
  return { steps, ways };
}

function openCost(node: RepeatNode, rest: Rest, before: Before): Cost {
  const { body, min, offset } = node;
  if (hasOpen(body)) {
    throw new PatternError('a repetition without limit inside a repetition', offset);
  }
  if (shortestOf(body) === 0) {
    throw new PatternError('a repetition without limit of what can be empty', offset);
  }
  const round = blur(before, body);
  const once = costOf(body, [optional(node), ...rest], round);
  if (once.ways > 1) {
    throw new PatternError('what is repeated without limit can match in several ways', offset);
  }
  if (!isDecided(node, rest)) {
    throw new PatternError('what follows can begin with what is repeated without limit', offset);
  }
  const walked = union(...setsOf(body));
  if (!canBeEmptyAll(rest) && !before.isAnchored) {
    const fence = before.fences.find(
      ({ set, since }) => !intersects(set, since) && !intersects(set, walked),
    );
    if (fence === undefined) {
      const remedy = 'begin with a character that it cannot match, or give it a limit';
      throw new PatternError(`many attempts can repeat over the same text; ${remedy}`, offset);
    }
    // As many attempts as fit before the fence walk one stretch.
    return { steps: (min + fence.at + 1) * once.steps + 1, ways: 1 };
  }
  return { steps: (min + 1) * once.steps + 1, ways: 1 };
}

/** Whether the next character tells if the repetition goes on, or nothing behind it can fail. */
function isDecided(node: RepeatNode, rest: Rest): boolean {
  return canBeEmptyAll(rest) || !meets(rest, node);
}

/** Whether what follows can match where the repetition could go on. */
function meets(rest: Rest, { body, min }: RepeatNode): boolean {
  const next = firstOf(body);
  for (const node of rest) {
    if (node.kind === 'assert') {
      if (node.what === 'end') return false; // something follows
      if (min === 0) return true; // nothing is known about what stands before
      if (node.what === 'start') return false;
      // No boundary between two characters of words.
      return !(isSubset(next, WORD) && isSubset(union(...setsOf(body)), WORD));
    }
    if (intersects(firstOf(node), next)) return true;
    if (!canBeEmpty(node)) return false;
  }
  return false; // the end of the pattern is a success, which is no decision
}

/** The characters that a match can begin with; all of them where a position stands first. */
function firstOf(node: PatternNode): CharSet {
  switch (node.kind) {
    case 'char':
      return node.set;
    case 'assert':
      return ANYTHING;
    case 'repeat':
      return node.max === 0 ? NOTHING : firstOf(node.body);
    case 'choice':
      return union(...node.options.map(firstOf));
    case 'sequence': {
      const end = node.items.findIndex((item) => !canBeEmpty(item));
      return union(...node.items.slice(0, end === -1 ? undefined : end + 1).map(firstOf));
    }
  }
}

function canBeEmptyAll(nodes: Rest): boolean {
  return nodes.every(canBeEmpty);
}

/** A position is not empty in this sense: it can fail. */
function canBeEmpty(node: PatternNode): boolean {
  switch (node.kind) {
    case 'char':
    case 'assert':
      return false;
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.body);
    case 'choice':
      return node.options.some(canBeEmpty);
    case 'sequence':
      return node.items.every(canBeEmpty);
  }
}

/** The least number of characters that it takes. */
function shortestOf(node: PatternNode): number {
  switch (node.kind) {
    case 'char':
      return 1;
    case 'assert':
      return 0;
    case 'repeat':
      return node.min * shortestOf(node.body);
    case 'choice':
      return Math.min(...node.options.map(shortestOf));
    case 'sequence':
      return sum(node.items.map(shortestOf));
  }
}

function hasOpen(node: PatternNode): boolean {
  switch (node.kind) {
    case 'char':
    case 'assert':
      return false;
    case 'repeat':
      return node.max === Infinity || hasOpen(node.body);
    case 'choice':
      return node.options.some(hasOpen);
    case 'sequence':
      return node.items.some(hasOpen);
  }
}

/** Every class of characters inside. */
function setsOf(node: PatternNode): readonly CharSet[] {
  switch (node.kind) {
    case 'char':
      return [node.set];
    case 'assert':
      return [];
    case 'repeat':
      return setsOf(node.body);
    case 'choice':
      return node.options.flatMap(setsOf);
    case 'sequence':
      return node.items.flatMap(setsOf);
  }
}

function lengthOf(node: PatternNode): number {
  switch (node.kind) {
    case 'char':
      return 1;
    case 'assert':
      return 0;
    case 'repeat':
      return node.max === 0 ? 0 : node.max * lengthOf(node.body);
    case 'choice':
      return Math.max(...node.options.map(lengthOf));
    case 'sequence':
      return sum(node.items.map(lengthOf));
  }
}

/** What is known behind `node`, when `before` was known in front of it. */
function pass(before: Before, node: PatternNode): Before {
  if (node.kind === 'sequence') return node.items.reduce(pass, before);
  if (node.kind === 'assert' && node.what === 'start') return { ...before, isAnchored: true };
  const blurred = blur(before, node);
  // Only what every attempt passes can keep attempts apart, and only a limited number of them.
  const single = node.kind === 'repeat' && node.min > 0 ? node.body : node;
  if (single.kind !== 'char' || before.length === Infinity) return blurred;
  const since = node.kind === 'repeat' && node.max > 1 ? single.set : NOTHING;
  const fence = { set: single.set, since, at: before.length };
  return { ...blurred, fences: [...blurred.fences, fence] };
}

/** `node` may have been walked over any number of times: whatever it can match may have followed. */
function blur(before: Before, node: PatternNode): Before {
  const sets = setsOf(node);
  return {
    ...before,
    fences: before.fences.map((fence) => ({ ...fence, since: union(fence.since, ...sets) })),
    length: before.length + lengthOf(node),
  };
}

function optional(node: RepeatNode): RepeatNode {
  return { ...node, min: 0 };
}

/** Whether the next character tells the options apart. */
function areDistinct(options: readonly PatternNode[]): boolean {
  return options.every(
    (option, index) =>
      !canBeEmpty(option) &&
      options.slice(index + 1).every((other) => !intersects(firstOf(option), firstOf(other))),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function show(steps: number): string {
  return steps > 1e9 ? 'billions of' : String(steps);
}
