import { foldCase } from './fold.ts';
import type { OperationType } from './words.ts';

/** What a tool does, judged by its name alone, and the part of the name that says so. */
export type Classification = {
  readonly operation: OperationType;
  /** For people: `name starts with delete_`. */
  readonly because: string;
};

type Group = readonly [operation: OperationType, ...words: string[]];

// First hit wins, so the order matters: the dangerous groups come before the harmless ones, and
// every prefix before every suffix. Peers judge by the same words; see docs/rules.md.
const PREFIXES: readonly Group[] = [
  ['delete', 'delete_', 'remove_', 'drop_', 'destroy_', 'purge_'],
  ['execute', 'run_', 'exec_', 'invoke_', 'call_', 'trigger_'],
  ['write', 'create_', 'update_', 'set_', 'add_', 'put_', 'edit_', 'modify_', 'write_'],
  ['write', 'request_', 'assign_'],
  ['read', 'get_', 'read_', 'list_', 'search_', 'describe_', 'show_'],
];

const SUFFIXES: readonly Group[] = [
  ['delete', '_delete', '_remove'],
  ['execute', '_run', '_exec'],
  ['write', '_create', '_update', '_write'],
  ['read', '_read'],
];

/**
 * The operation a tool name announces. Only snake_case is understood: `deleteFile`, `delete-file`
 * and `execute_query` are `unknown`.
 */
export function classifyTool(name: string): OperationType {
  return explainOperation(name).operation;
}

/** `classifyTool` with its reason. */
export function explainOperation(name: string): Classification {
  const lower = foldCase(name);
  for (const [operation, ...words] of PREFIXES) {
    const word = words.find((prefix) => lower.startsWith(prefix));
    if (word !== undefined) return { operation, because: `name starts with ${word}` };
  }
  for (const [operation, ...words] of SUFFIXES) {
    const word = words.find((suffix) => lower.endsWith(suffix));
    if (word !== undefined) return { operation, because: `name ends with ${word}` };
  }
  return { operation: 'unknown', because: 'no known verb in the name' };
}
