/**
 * What was noticed about a tool, its server or a result, beyond the call itself. A finding is a
 * reason, never a decision: rules say what follows from one.
 */
export type Finding = {
  readonly code: FindingCode;
  /** For people, logs and receipts; quotes nothing that a server wrote but safe names. */
  readonly text: string;
  /** What it adds where a score counts findings. */
  readonly points: number;
};

/** Codes are public: rules and receipts name them. The points are what each is worth. */
const POINTS = {
  // What was pinned is no longer what is there.
  tool_drift: 40,
  tool_new: 20,
  tool_unlisted: 20,
  tool_duplicate: 40,
  tool_unreadable: 40,
  instructions_drift: 30,
  launch_drift: 30,
  pins_unreadable: 30,
  // What a text holds that a model reads and a person may not see.
  hidden_unicode: 50,
  terminal_escape: 40,
  hidden_markup: 20,
  model_instructions: 40,
  sensitive_path: 30,
  other_tool_named: 30,
  secret: 40,
  // The protocol.
  round_changed: 20,
} as const;

export type FindingCode = keyof typeof POINTS;

export const FINDING_CODES = Object.keys(POINTS) as readonly FindingCode[];

/** Findings that `on_drift` decides about: the server is not the one that was accepted. */
const DRIFT: ReadonlySet<FindingCode> = new Set([
  'tool_drift',
  'tool_new',
  'tool_unlisted',
  'tool_duplicate',
  'tool_unreadable',
  'instructions_drift',
  'launch_drift',
  'pins_unreadable',
]);

export function finding(code: FindingCode, text: string): Finding {
  return { code, text, points: POINTS[code] };
}

export function isDrift({ code }: Finding): boolean {
  return DRIFT.has(code);
}
