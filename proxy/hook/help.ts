import { renderFlags } from '../../shared/flags.ts';
import { HOOK_FLAGS } from './options.ts';

export const HOOK_HELP = `Usage: obsigna-hook -agent NAME [flags]

Started by an agent before and after each of its tool calls, with one JSON object on standard input.
Before: decides the call by the rules, and blocks it in the agent's own way. After: reports how it
ended. \`obsigna hooks install\` puts it into the agent's configuration; docs/hook.md explains it.

Flags:
${renderFlags(HOOK_FLAGS)}
Exit status: 0 or 2, and 2 stops the call. Nothing is printed for a call that passes.
`;
