import { explainOperation } from '../classify.ts';
import { OPERATION_POINTS } from '../risk.ts';
import type { OperationType } from '../words.ts';

/** Verbs beyond those that peers know, where they begin or end a name. */
const VERBS: readonly (readonly [OperationType, words: string])[] = [
  ['delete', 'delete erase wipe truncate uninstall revoke kill terminate clear unlink rm drop'],
  ['delete', 'remove destroy purge discard'],
  ['execute', 'execute eval spawn start deploy install launch shell bash run exec invoke'],
  ['execute', 'call trigger restart stop shutdown'],
  ['write', 'write insert upsert upload push publish send post patch replace move rename'],
  ['write', 'merge grant transfer pay save store append copy commit create update set add'],
  ['write', 'put edit modify request assign approve refund'],
];
/** By word. Made with the first name that is read: every agent waits for a start. */
let verbs: ReadonlyMap<string, OperationType> | undefined;

function operationOf(word: string): OperationType | undefined {
  verbs ??= new Map(
    VERBS.flatMap(([operation, words]) => words.split(' ').map((it) => [it, operation] as const)),
  );
  return verbs.get(word);
}

/**
 * A name in snake_case: `deleteFile`, `delete-file`, `delete.file` and `HTTPDelete` as `delete_file`
 * and `http_delete`. A name that is written so already stays as it is.
 */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replaceAll(/[^A-Za-z\d]/g, '_')
    .toLowerCase();
}

/** The most dangerous operation that a name can be read as, and why. */
export function readOperation(name: string): { operation: OperationType; because: string } {
  const snake = snakeCase(name);
  const words = snake.split('_').filter((word) => word !== '');
  const read = [{ ...explainOperation(snake), because: `name reads ${snake}` }];
  for (const [word, where] of [
    [words[0], 'begins'],
    [words.at(-1), 'ends'],
  ] as const) {
    const operation = word === undefined ? undefined : operationOf(word);
    if (operation === undefined) continue;
    read.push({ operation, because: `name ${where} with the word ${word}` });
  }
  const points = ({ operation }: { operation: OperationType }) => OPERATION_POINTS[operation];
  return read.reduce((most, other) => (points(other) > points(most) ? other : most));
}
