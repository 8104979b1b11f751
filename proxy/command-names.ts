/** Words behind `mcp-proxy` that are no servers. */
export const COMMAND_NAMES = ['serve-http', 'pins', 'rules', 'doctor', 'bench', 'init'] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

export function isCommandName(word: string): word is CommandName {
  return COMMAND_NAMES.some((name) => name === word);
}
