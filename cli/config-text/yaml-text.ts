import {
  Composer,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Parser,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { findDeepToken } from '../../shared/yaml/yaml-source.ts';
import { TextFault } from './text-fault.ts';
import type { Member, TextNode } from './node.ts';

/**
 * YAML with the place of every value. Anchors, aliases, tags and merged maps stay readable, and say
 * of themselves that they cannot be changed: what they stand for is shared with other places.
 *
 * @throws TextFault with the offset of what is wrong
 */
export function parseYamlText(text: string): TextNode {
  const tokens = [...new Parser().parse(text)];
  const deep = findDeepToken(tokens);
  if (deep !== undefined) throw new TextFault('nested too deeply', deep);
  const composer = new Composer({ prettyErrors: false, logLevel: 'error' });
  const list = [...composer.compose(tokens, true, text.length)];
  const [fault] = list.flatMap(({ errors }) => errors);
  // Only the code: the message of the library quotes the text.
  if (fault !== undefined) {
    throw new TextFault(fault.code.toLowerCase().replaceAll('_', ' '), fault.pos[0]);
  }
  const [first, second] = list;
  if (second !== undefined) throw new TextFault('more than one document', second.range[0]);
  const root = first?.contents ?? null;
  if (root === null) return { kind: 'other', text: '', start: 0, end: 0 };
  return convert(text, root);
}

function convert(text: string, node: Node | null): TextNode {
  const [start = 0, end = start] = node?.range ?? [];
  const place = { start, end, ...fixedOf(node) };
  if (isMap(node)) {
    const members = node.items.map((pair) => memberOfPair(text, pair as Pair<Node, Node>));
    return { kind: 'map', members, style: styleOf(node), ...place, ...mergedOf(node) };
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(text, item as Node));
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

function memberOfPair(text: string, { key, value }: Pair<Node, Node>): Member {
  const [keyStart = 0, keyEnd = keyStart] = key.range ?? [];
  const name = isScalar(key) ? String(key.value) : text.slice(keyStart, keyEnd);
  const node: TextNode =
    value === null ? { kind: 'other', text: '', start: keyEnd, end: keyEnd } : convert(text, value);
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
