import { expect, test } from 'vitest';
import { classifyTool, explainOperation } from './classify.ts';
import type { OperationType } from './rule.ts';

const PREFIXED: Record<string, string> = {
  delete: 'delete_ remove_ drop_ destroy_ purge_',
  execute: 'run_ exec_ invoke_ call_ trigger_',
  write: 'create_ update_ set_ add_ put_ edit_ modify_ write_ request_ assign_',
  read: 'get_ read_ list_ search_ describe_ show_',
};
const SUFFIXED: Record<string, string> = {
  delete: '_delete _remove',
  execute: '_run _exec',
  write: '_create _update _write',
  read: '_read',
};

for (const [operation, words] of Object.entries(PREFIXED)) {
  test.each(words.split(' '))(`classifyTool() takes the prefix %s for ${operation}`, (word) => {
    expect(classifyTool(`${word}thing`)).toBe(operation);
    // A prefix of any group beats a suffix of any other.
    expect(classifyTool(`${word}thing_delete`)).toBe(operation);
    expect(explainOperation(`${word}thing`).because).toBe(`name starts with ${word}`);
  });
}

for (const [operation, words] of Object.entries(SUFFIXED)) {
  test.each(words.split(' '))(`classifyTool() takes the suffix %s for ${operation}`, (word) => {
    expect(classifyTool(`thing${word}`)).toBe(operation);
    expect(explainOperation(`thing${word}`).because).toBe(`name ends with ${word}`);
  });
}

const OTHERS: readonly [string, OperationType][] = [
  ['deleteFile', 'unknown'],
  ['delete-file', 'unknown'],
  ['execute_query', 'unknown'],
  ['delete', 'unknown'],
  ['read', 'unknown'],
  ['', 'unknown'],
  ['undelete_file', 'unknown'],
  ['thing_list', 'unknown'],
  ['merge_pull_request', 'unknown'],
  ['send_mail', 'unknown'],
  ['DELETE_FILE', 'delete'],
  ['Pull_Request_Read', 'read'],
  ['delete_', 'delete'],
  ['_delete', 'delete'],
  ['lİst_files', 'read'],
  ['constructor', 'unknown'],
];
test.each(OTHERS)('classifyTool(%j) is %s', (name, want) => {
  expect(classifyTool(name)).toBe(want);
});
