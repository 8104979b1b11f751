import { parse, TomlError } from 'smol-toml';
import { TextFault } from './text-fault.ts';
import { TomlScanner } from './toml-scanner.ts';
import type { TextNode } from './node.ts';

/**
 * TOML with the place of every value. The library says whether the text is TOML and what it means; our
 * scanner says where things stand, and is believed only where both read the same.
 *
 * @throws TextFault with the offset of what is wrong
 */
export function parseTomlText(text: string): TextNode {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw new TextFault('nested too deeply', 0);
    throw new TextFault(firstLine(cause.message), offsetOf(text, cause.line, cause.column));
  }
  const root = new TomlScanner(text).document();
  if (!isSame(root, value)) throw new TextFault('it is TOML that cannot be edited here', 0);
  return root;
}

/** `Invalid TOML document: ...`; the lines behind it quote the file. */
function firstLine(message: string): string {
  const [first = ''] = message.split('\n');
  return first.replace(/^Invalid TOML document: /, '');
}

function offsetOf(text: string, line: number, column: number): number {
  const before = text.split('\n').slice(0, line - 1);
  return before.reduce((sum, it) => sum + it.length + 1, 0) + column - 1;
}

function isSame(node: TextNode, value: unknown): boolean {
  switch (node.kind) {
    case 'string':
      return node.value === value;
    case 'list':
      return (
        Array.isArray(value) &&
        value.length === node.items.length &&
        node.items.every((item, i) => isSame(item, value[i]))
      );
    case 'map': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      const entries = Object.entries(value);
      const members = new Map(node.members.map((it) => [it.name, it.value]));
      return (
        entries.length === node.members.length &&
        members.size === entries.length &&
        entries.every(([name, it]) => {
          const member = members.get(name);
          return member !== undefined && isSame(member, it);
        })
      );
    }
    case 'other':
      return typeof value !== 'string' && !Array.isArray(value);
  }
}
