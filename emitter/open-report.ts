import type { JsonObject } from '../shared/json/value.ts';
import type { EventDecision } from '../shared/wire/event.ts';
import type { JsonText } from './report.ts';

/** What became of an action that was announced. */
export interface OutcomeReport {
  readonly decision?: EventDecision;
  readonly output?: JsonText;
  readonly error?: string;
  readonly decisionContext?: JsonObject;
}

/** An action that was announced and has not ended. */
export interface OpenReport {
  end(outcome: OutcomeReport): void;
}
