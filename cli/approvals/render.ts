import type { JsonObject, JsonValue } from '../../shared/json/value.ts';
import { isJsonObject } from '../../shared/json/value.ts';
import { printable, type Paint } from '../terminal.ts';

/** Digits of an id that are shown: enough to name it among those that wait. */
const SHORT_ID = 8;
const MAX_ARGUMENTS = 60;

/** Cells of one line of a list. Everything of it may have been made up by an agent. */
export function cellsOf(question: JsonObject, nowMs: number): readonly string[] {
  const { id, server, tool, rule, expires_at: expires } = question;
  return [
    textOf(id).slice(0, SHORT_ID),
    secondsLeft(expires, nowMs),
    textOf(server),
    textOf(tool),
    textOf(rule),
    riskOf(question),
    cut(textOf(question['arguments']), MAX_ARGUMENTS),
  ];
}

export const HEADINGS = ['ID', 'LEFT', 'SERVER', 'TOOL', 'RULE', 'RISK', 'ARGUMENTS'];

/** All that is known of one question, one line for each part, arguments last. */
export function renderQuestion(question: JsonObject, paint: Paint, nowMs: number): string {
  const rows: [string, string][] = [
    ['id', textOf(question['id'])],
    ['tool', textOf(question['tool_name'] ?? question['tool'])],
    ['server', textOf(question['server'])],
    ['rule', textOf(question['rule'])],
    ['says', textOf(question['rule_description'])],
    ['risk', [riskOf(question), ...reasonsOf(question)].join('; ')],
    ['asked by', askerOf(question['asked_by'])],
    ['session', textOf(question['session'])],
    ['left', secondsLeft(question['expires_at'], nowMs)],
    ['digest', textOf(question['digest'])],
    ['arguments', textOf(question['arguments'])],
  ];
  if (question['arguments_cut'] === true) {
    rows.push(['', `(cut; all of them have ${textOf(question['arguments_hash'])})`]);
  }
  return rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${paint('bold', name.padEnd(10))} ${value}\n`)
    .join('');
}

/** Text of a member, safe for a terminal; nothing where it is no text. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? printable(value) : '';
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

function secondsLeft(expires: JsonValue | undefined, nowMs: number): string {
  const left = Math.ceil((Date.parse(textOf(expires)) - nowMs) / 1000);
  return Number.isNaN(left) ? '' : `${Math.max(0, left)}s`;
}

function riskOf({ risk }: JsonObject): string {
  return isJsonObject(risk) && typeof risk['score'] === 'number' ? String(risk['score']) : '';
}

function reasonsOf({ risk }: JsonObject): readonly string[] {
  const reasons = isJsonObject(risk) ? risk['reasons'] : undefined;
  if (!Array.isArray(reasons)) return [];
  return reasons.flatMap((it: JsonValue) =>
    isJsonObject(it) ? [`${textOf(it['reason'])} +${Number(it['points'])}`] : [],
  );
}

function askerOf(asker: JsonValue | undefined): string {
  if (!isJsonObject(asker)) return '';
  const { pid, uid, exe_path: exePath } = asker;
  const exe = textOf(exePath);
  return `pid ${Number(pid)}, uid ${Number(uid)}${exe === '' ? '' : `, ${exe}`}`;
}
