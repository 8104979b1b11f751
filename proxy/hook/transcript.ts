import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { ModelUse } from '../../emitter/report.ts';
import { isJsonObject, type JsonValue } from '../../shared/json/value.ts';

/** The call stands near the end: the transcript is written as the agent goes. */
const TAIL_BYTES = 512 * 1024;

/**
 * The model that asked for a call and what it used, from the agent's own transcript. Enriches a receipt
 * and decides nothing, so that what cannot be read is left out.
 *
 * @see Daemon protocol, "obsigna-hook", transcript
 */
export function readTranscript(path: string, toolUseId: string): ModelUse | undefined {
  try {
    const lines = tailOf(path)
      .split('\n')
      .filter((line) => line.includes(toolUseId));
    for (const line of lines) {
      const use = useIn(line, toolUseId);
      if (use !== undefined) return use;
    }
  } catch {
    // Gone, of another user, or cut in the middle of a line.
  }
  return undefined;
}

function tailOf(path: string): string {
  // Without waiting: the path comes from the agent, and may be a pipe that nobody writes to.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return '';
    const { size } = stat;
    const start = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const bytes = readSync(file, buffer, 0, buffer.length, start);
    return buffer.toString('utf8', 0, bytes);
  } finally {
    closeSync(file);
  }
}

function useIn(line: string, toolUseId: string): ModelUse | undefined {
  let entry: JsonValue;
  try {
    entry = JSON.parse(line) as JsonValue;
  } catch {
    return undefined; // the first line of the tail may be half a line
  }
  if (!isJsonObject(entry) || entry['type'] !== 'assistant') return undefined;
  const message = entry['message'];
  if (!isJsonObject(message) || !Array.isArray(message['content'])) return undefined;
  const asks = (message['content'] as readonly JsonValue[]).some(
    (part) => isJsonObject(part) && part['type'] === 'tool_use' && part['id'] === toolUseId,
  );
  if (!asks) return undefined;
  const { model, usage } = message;
  return {
    name: typeof model === 'string' ? model : undefined,
    usage: isJsonObject(usage) ? usage : undefined,
    captureMethod: 'transcript',
  };
}
