import type { CST, Document, Node } from 'yaml';
import { Composer, isAlias, isNode, LineCounter, Parser, visit } from 'yaml';

/** One thing that is wrong with a file. Lines and columns count from 1. */
export type YamlProblem = {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly remedy: string;
};

// The files we read nest five deep. The composer recurses, and a file nested some ten thousand deep
// would not throw but abort the whole process, so depth is judged before composing.
const MAX_DEPTH = 64;
const MAX_ALIASES = 100;
const YAML_VERSION = '1.2';

/**
 * A parsed YAML text that remembers where everything stands, and collects what is wrong with it.
 * Offsets are UTF-16 units from the start of the text, behind a byte order mark.
 */
export class YamlSource {
  /** The document's value; absent for an empty file, and when the text could not be read. */
  readonly root: Node | undefined;
  readonly #lines = new LineCounter();
  readonly #aliases = new Map<Node, Node>();
  readonly #found: { offset: number; message: string; remedy: string }[] = [];
  readonly #length: number;

  constructor(textWithMark: string) {
    const text = textWithMark.replace(/^\uFEFF/, '');
    this.#length = text.length;
    // The counter expects line starts in order and counts none for an empty text.
    this.#lines.addNewLine(0);
    const tokens = [...new Parser((at) => at > 0 && this.#lines.addNewLine(at)).parse(text)];
    this.root = this.#compose(tokens, text);
  }

  /** What is wrong so far, in the order of the text. */
  get problems(): readonly YamlProblem[] {
    const inOrder = this.#found.toSorted((a, b) => a.offset - b.offset);
    return inOrder.map(({ offset, message, remedy }) => {
      const { line, col } = this.#lines.linePos(Math.min(offset, this.#length));
      return { line, column: col, message, remedy };
    });
  }

  report(at: Node | number, message: string, remedy: string): void {
    const offset = typeof at === 'number' ? at : (at.range?.[0] ?? 0);
    this.#found.push({ offset, message, remedy });
  }

  /** The line `node` begins on. */
  lineOf(node: Node): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line;
  }

  /**
   * The node itself, or what it is an alias of. Aliases are followed one at a time and never
   * expanded, so reading a file costs no more than its length.
   */
  follow(node: Node): Node {
    return this.#aliases.get(node) ?? node;
  }

  #compose(tokens: readonly CST.Token[], text: string): Node | undefined {
    const deep = findDeepToken(tokens);
    if (deep !== undefined) {
      this.report(deep, `more than ${MAX_DEPTH} levels of nesting`, 'write a flat list');
      return undefined;
    }
    const composer = new Composer({
      schema: 'core',
      // Without these, `!!binary` and its like are unknown tags, as they should be here.
      resolveKnownTags: false,
      // Found by whoever reads the map, who can say which line has the first.
      uniqueKeys: false,
      logLevel: 'error',
      prettyErrors: false,
    });
    const [document, second] = [...composer.compose(tokens, true, text.length)];
    if (document === undefined) return undefined;
    if (this.#reportSyntax(document)) return undefined;
    if (second !== undefined) {
      const at = second.range[0];
      this.report(at, 'a second YAML document begins here', 'put everything into one document');
    }
    this.#checkDirectives(document, text);
    return this.#readAliases(document) ? (document.contents ?? undefined) : undefined;
  }

  /** Whether the text is not YAML; what else was found in it would then be guesswork. */
  #reportSyntax({ errors, warnings }: Document.Parsed): boolean {
    const seen = new Set<number>();
    for (const { pos, message } of errors) {
      // One slip makes several errors at the same place; the first names it best.
      if (seen.has(pos[0])) continue;
      seen.add(pos[0]);
      this.report(pos[0], `not valid YAML: ${lowerFirst(message)}`, 'correct the YAML syntax');
    }
    for (const { pos, code, message } of warnings) {
      const remedy =
        code === 'TAG_RESOLVE_FAILED'
          ? 'remove the tag; plain YAML values are enough'
          : 'remove the directive';
      this.report(pos[0], lowerFirst(message), remedy);
    }
    return errors.length > 0;
  }

  /** In YAML 1.1 `yes` is a boolean and `<<` merges: the file would mean something else. */
  #checkDirectives({ directives }: Document.Parsed, text: string): void {
    const { explicit, version } = directives.yaml;
    if (explicit !== true || version === YAML_VERSION) return;
    const at = Math.max(text.search(/^%YAML/m), 0);
    this.report(at, `YAML ${version} is not read`, `write YAML ${YAML_VERSION}`);
  }

  /** Finds what every alias stands for; false if one stands for nothing, or for too much. */
  #readAliases(document: Document.Parsed): boolean {
    const anchors = new Map<string, Node>();
    let first: Node | undefined;
    let complete = true;
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          first ??= node;
          const target = anchors.get(node.source);
          if (target === undefined) {
            complete = false;
            this.report(node, `alias of an unknown anchor "${node.source}"`, 'add the anchor');
          } else {
            this.#aliases.set(node, target);
          }
        } else if (isNode(node) && 'anchor' in node && typeof node.anchor === 'string') {
          anchors.set(node.anchor, node);
        }
      },
    });
    if (first === undefined || !complete) return complete;
    try {
      document.toJS({ maxAliasCount: MAX_ALIASES });
      return true;
    } catch {
      // Too many of them, aliases of aliases that multiply, or one inside its own anchor.
      this.report(
        first,
        `aliases expand to more than ${MAX_ALIASES} nodes or contain themselves`,
        'write the values out',
      );
      return false;
    }
  }
}

/** The offset of the first value nested too deep. Iterative, because depth is what it looks for. */
export function findDeepToken(tokens: readonly CST.Token[]): number | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 })).toReversed();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) return token.offset;
    if (token.type === 'document' && token.value !== undefined) {
      open.push({ token: token.value, depth });
    }
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 });
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
