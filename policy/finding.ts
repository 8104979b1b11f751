/**
 * What was noticed about a tool, its server or a result, and is not in the call itself. A rule names
 * the code; a code that nothing reports would be a rule that never matches, so this list is complete.
 */
const POINTS = {
  // What was pinned is not what is there.
  tool_drift: 40,
  tool_new: 20,
  tool_unlisted: 20,
  tool_duplicate: 40,
  tool_unreadable: 40,
  server_drift: 30,
  launch_drift: 30,
  pins_unreadable: 30,
  // A call that says it goes on with another one.
  round_unknown: 20,
  // What a description holds that a model reads and a person may not see.
  hidden_unicode: 50,
  terminal_escape: 40,
  hidden_markup: 20,
  instructions: 40,
  sensitive_path: 30,
  other_server_tool: 30,
  // What an earlier result of the session held. No points: later calls are not riskier by themselves.
  hidden_in_result: 0,
  instructions_in_result: 0,
  secret_in_result: 0,
} as const;

export type FindingCode = keyof typeof POINTS;

export const FINDING_CODES = Object.keys(POINTS) as readonly FindingCode[];

/** The findings that `on_drift` is about: the server is not the one that was accepted. */
export const DRIFT_CODES: readonly FindingCode[] = [
  'tool_drift',
  'tool_new',
  'tool_unlisted',
  'tool_duplicate',
  'tool_unreadable',
  'server_drift',
  'launch_drift',
  'pins_unreadable',
];

/** One finding. The text is for people and receipts; it quotes nothing that could be a secret. */
export type Finding = {
  readonly code: FindingCode;
  readonly text: string;
  /** Added to the score with `risk: extended`. */
  readonly points: number;
};

export function finding(code: FindingCode, text: string): Finding {
  return { code, text, points: POINTS[code] };
}

export function isDrift({ code }: Finding): boolean {
  return DRIFT_CODES.includes(code);
}
