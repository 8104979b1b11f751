import type { JsonValue } from '../shared/json/value.ts';
import type { ArgumentPath } from './conditions/argument-path.ts';
import type { PolicyRequest } from './decide.ts';
import { foldText, type FoldedText } from './glob.ts';
import { PolicyHistory } from './history.ts';
import { MAX_SCORE, scoreRisk, type Risk } from './risk.ts';
import type { RuleSet } from './rule.ts';

/** Points that arguments can add to the score of peers. */
const ARGUMENT_POINTS = 30;

/** What the conditions of all rules ask about one call, each worked out once and when asked for. */
export class Facts {
  readonly request: PolicyRequest;
  readonly history: PolicyHistory;
  readonly nowMs: number;
  readonly argumentsKnown: boolean;
  /** What a condition on unknown arguments is taken to say. */
  readonly assume: boolean;
  readonly #rules: RuleSet;
  #arguments: { readonly value: JsonValue | undefined } | undefined;
  readonly #found = new Map<string, readonly JsonValue[]>();
  #risk: Risk | undefined;
  #tool: FoldedText | undefined;
  #server: FoldedText | undefined;
  #client: FoldedText | undefined;
  #agent: FoldedText | undefined;

  constructor(rules: RuleSet, request: PolicyRequest) {
    this.#rules = rules;
    this.request = request;
    this.history = request.history ?? new PolicyHistory();
    this.nowMs = request.nowMs ?? 0;
    this.argumentsKnown = request.assume === undefined;
    this.assume = request.assume ?? false;
  }

  /** @throws what `request.arguments` throws */
  get arguments(): JsonValue | undefined {
    this.#arguments ??= { value: this.argumentsKnown ? this.request.arguments() : undefined };
    return this.#arguments.value;
  }

  /** The same call with the opposite assumption: for what stands behind a "not". */
  get opposite(): Facts {
    if (this.argumentsKnown) return this;
    return new Facts(this.#rules, { ...this.request, assume: !this.assume });
  }

  /** The values that a path leads to. Many rules look at the same few places. */
  find(path: ArgumentPath): readonly JsonValue[] {
    const known = this.#found.get(path.text);
    if (known !== undefined) return known;
    const root = this.arguments;
    const found = root === undefined ? [] : path.find(root);
    this.#found.set(path.text, found);
    return found;
  }

  get risk(): Risk {
    this.#risk ??= this.#scoreRisk();
    return this.#risk;
  }

  /** The score that rules compare with: at its upper end where arguments are assumed to be bad. */
  get score(): number {
    const { score } = this.risk;
    if (this.argumentsKnown) return score;
    const { recordedScore } = this.request;
    if (recordedScore !== undefined && !this.#isExtended) return recordedScore;
    if (!this.assume) return score;
    return this.#isExtended ? MAX_SCORE : Math.min(score + ARGUMENT_POINTS, MAX_SCORE);
  }

  get tool(): FoldedText {
    return (this.#tool ??= foldText(this.request.tool));
  }

  get server(): FoldedText {
    return (this.#server ??= foldText(this.request.server));
  }

  get client(): FoldedText {
    return (this.#client ??= foldText(this.request.client?.name ?? ''));
  }

  get agent(): FoldedText {
    return (this.#agent ??= foldText(this.request.agent ?? ''));
  }

  get #isExtended(): boolean {
    return this.#rules.extendedRisk !== undefined;
  }

  #scoreRisk(): Risk {
    const { tool } = this.request;
    const isDecoded = this.#arguments !== undefined;
    const argumentsName = isDecoded ? undefined : this.request.argumentsName;
    const standard = scoreRisk({ tool, arguments: () => this.arguments, argumentsName });
    return this.#rules.extendedRisk?.extend(standard, this, this.#rules) ?? standard;
  }
}
