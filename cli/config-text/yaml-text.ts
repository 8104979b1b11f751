import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { TextFault } from './text-fault.ts';
import type { Member, TextNode } from './node.ts';

const MAX_DEPTH = 100;

/**
 * YAML with the place of every value. Anchors, aliases, tags and merged maps stay readable, and say
 * of themselves that they cannot be changed: what they stand for is shared with other places.
 *
 * @throws TextFault with the offset of what is wrong
 */
export function parseYamlText(text: string): TextNode {
  refuseDepth(text);
  const documents = parseAllDocuments(text, { prettyErrors: false, strict: true });
  const list = Array.isArray(documents) ? documents : [];
  const [fault] = list.flatMap(({ errors }) => errors);
  // Only the code: the message of the library quotes the text.
  if (fault !== undefined) throw new TextFault(fault.code.toLowerCase(), fault.pos[0]);
  const [first, second] = list;
  if (second !== undefined) throw new TextFault('more than one document', second.range[0]);
  const root = first?.contents ?? null;
  if (root === null) return { kind: 'other', text: '', start: 0, end: 0 };
  return convert(text, root, 0);
}

/** The library recurses; a file that nests deeper than any client does is refused before. */
function refuseDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    else if (char === '\n') depth = Math.min(depth, MAX_DEPTH);
    if (depth > 2 * MAX_DEPTH) throw new TextFault('nested too deeply', at);
  }
}

function convert(text: string, node: Node | null, depth: number): TextNode {
  if (depth > MAX_DEPTH) throw new TextFault('nested too deeply', node?.range?.[0] ?? 0);
  const [start = 0, end = start] = node?.range ?? [];
  const place = { start, end, ...fixedOf(node) };
  if (isMap(node)) {
    const members = node.items.map((pair) => memberOfPair(text, pair as Pair<Node, Node>, depth));
    return { kind: 'map', members, style: styleOf(node), ...place, ...mergedOf(node) };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(text, item as Node, depth + 1));
    return { kind: 'list', items, style: styleOf(node), ...place };
  }
  if (isScalar(node) && typeof node.value === 'string') {
    const isBlock = node.type?.startsWith('BLOCK') === true;
    const isLong = isBlock || text.slice(start, end).includes('\n');
    const fixed = isLong ? { fixed: 'it is a text over several lines' } : {};
    return { kind: 'string', value: node.value, ...fixed, ...place };
  }
  return { kind: 'other', text: text.slice(start, end), ...place };
}

function memberOfPair(text: string, { key, value }: Pair<Node, Node>, depth: number): Member {
  const [keyStart = 0, keyEnd = keyStart] = key.range ?? [];
  const name = isScalar(key) ? String(key.value) : text.slice(keyStart, keyEnd);
  const node: TextNode =
    value === null
      ? { kind: 'other', text: '', start: keyEnd, end: keyEnd }
      : convert(text, value, depth + 1);
  return { name, keyStart, nameStart: keyStart, keyEnd, value: node };
}

function styleOf(node: { flow?: boolean }): 'flow' | 'block' {
  return node.flow === true ? 'flow' : 'block';
}

function fixedOf(node: Node | null): { fixed: string } | Record<string, never> {
  if (isAlias(node)) return { fixed: `it is the alias *${node.source}` };
  if (!isScalar(node) && !isCollection(node)) return {};
  if (node.anchor !== undefined) return { fixed: `it has the anchor &${node.anchor}` };
  return node.tag === undefined ? {} : { fixed: 'it has a tag' };
}

/** With a merge key nobody sees here which members there are. */
function mergedOf(node: YAMLMap): { fixed: string } | Record<string, never> {
  const isMerged = node.items.some(({ key }) => isScalar(key) && key.value === '<<');
  return isMerged ? { fixed: 'it takes members from elsewhere (<<)' } : {};
}
