/**
 * What may stand at one place of a rules file. The loader, the JSON Schema, the reference page and
 * the digest all follow the same tables of shapes, so that they cannot disagree.
 */
export type Shape =
  | { readonly kind: 'text'; readonly oneLine?: boolean }
  | { readonly kind: 'flag' }
  | { readonly kind: 'word'; readonly what: string; readonly words: readonly string[] }
  | { readonly kind: 'whole'; readonly min: number; readonly max: number; readonly see: string }
  | { readonly kind: 'number' }
  | { readonly kind: 'pattern' }
  | { readonly kind: 'path' }
  | { readonly kind: 'expression' }
  | { readonly kind: 'duration'; readonly orSession?: boolean }
  | { readonly kind: 'clock' }
  | { readonly kind: 'zone' }
  | { readonly kind: 'value' }
  | { readonly kind: 'limits' }
  | { readonly kind: 'condition' }
  | ListShape
  | MapShape
  /** A pattern for the tool, or a map that says more. */
  | { readonly kind: 'entry'; readonly map: MapShape };

export interface ListShape {
  readonly kind: 'list';
  readonly item: Shape;
  /** What an item is called in messages; the map of an item counts itself: `rule 2`. */
  readonly itemName: string;
  /** One item may stand without a list around it. */
  readonly orOne?: boolean;
  /** The order means nothing, and neither does repeating an item. */
  readonly isSet?: boolean;
  readonly mayBeEmpty?: boolean;
  /** How to write one, for people who did not. */
  readonly example: string;
}

export interface MapShape {
  readonly kind: 'map';
  readonly members: MemberShapes;
  /** At least one of these members must be there; the text says which. */
  readonly needsOneOf?: readonly string[];
  /** Members that only make sense together with another. */
  readonly needs?: Readonly<Record<string, string>>;
}

export interface MemberShape {
  readonly shape: Shape;
  /** For the reference and for editors. */
  readonly about: string;
  /** What to do when it is missing, where it must not be. */
  readonly required?: string;
  /** What it is when it is missing; left out of the digest then. */
  readonly default?: string | boolean;
}

export type MemberShapes = Readonly<Record<string, MemberShape>>;

/** `tool_pattern` in the file is `toolPattern` in the code. */
export function camelCase(name: string): string {
  return name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
