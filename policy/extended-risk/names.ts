import { explainOperation } from '../classify.ts';
import { OPERATION_POINTS } from '../risk.ts';
import type { OperationType } from '../words.ts';

/** Verbs beyond those that peers know, where they begin or end a name. */
const VERBS: Readonly<Record<string, OperationType>> = {
  ...verbs(
    'delete',
    'delete erase wipe truncate uninstall revoke kill terminate clear unlink rm drop',
  ),
  ...verbs('delete', 'remove destroy purge discard'),
  ...verbs('execute', 'execute eval spawn start deploy install launch shell bash run exec invoke'),
  ...verbs('execute', 'call trigger restart stop shutdown'),
  ...verbs('write', 'write insert upsert upload push publish send post patch replace move rename'),
  ...verbs('write', 'merge grant transfer pay save store append copy commit create update set add'),
  ...verbs('write', 'put edit modify request assign approve refund'),
};

function verbs(operation: OperationType, words: string): Record<string, OperationType> {
  return Object.fromEntries(words.split(' ').map((word) => [word, operation]));
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
    if (word === undefined || !Object.hasOwn(VERBS, word)) continue;
    const operation = VERBS[word] as OperationType;
    read.push({ operation, because: `name ${where} with the word ${word}` });
  }
  const points = ({ operation }: { operation: OperationType }) => OPERATION_POINTS[operation];
  return read.reduce((most, other) => (points(other) > points(most) ? other : most));
}
