import { readFileSync } from 'node:fs';

/** The agent that started us, as far as it can be told without asking it. */
export interface AgentHost {
  readonly issuerName?: string;
  readonly operatorId?: string;
  readonly operatorName?: string;
  /** `auto:<process>`, `env:<VARIABLE>`, `flags` or `unknown`, for the log. */
  readonly source: string;
}

const HOSTS = {
  claude: { issuerName: 'Claude Code', operatorId: 'did:web:anthropic.com', operatorName: 'Anthropic' },
  codex: { issuerName: 'Codex', operatorId: 'did:web:openai.com', operatorName: 'OpenAI' },
  cursor: { issuerName: 'Cursor', operatorId: 'did:web:cursor.com', operatorName: 'Cursor' },
  windsurf: { issuerName: 'Windsurf', operatorId: 'did:web:codeium.com', operatorName: 'Codeium' },
} as const;

/** Variables that hosts set, in the order in which they are believed. */
const MARKERS: readonly (readonly [matches: (name: string) => boolean, host: keyof typeof HOSTS])[] = [
  [(name) => name === 'CLAUDECODE', 'claude'],
  [(name) => name === 'CURSOR_TRACE_ID', 'cursor'],
  [(name) => name.startsWith('WINDSURF_'), 'windsurf'],
  [(name) => name.startsWith('CODEX_'), 'codex'],
];

/**
 * Who started us: the parent process by name, or what it left in the environment. A claim, good for
 * reading receipts; the kernel's word about the caller is the daemon's.
 *
 * @param parentName - Name of the parent process, where the platform tells it.
 */
export function detectHost(
  env: Readonly<Record<string, string | undefined>>,
  parentName: string | undefined,
): AgentHost {
  const parent = parentName?.toLowerCase() ?? '';
  if (Object.hasOwn(HOSTS, parent)) {
    return { ...HOSTS[parent as keyof typeof HOSTS], source: `auto:${parent}` };
  }
  const names = Object.keys(env).sort();
  for (const [matches, host] of MARKERS) {
    const marker = names.find(matches);
    if (marker !== undefined) return { ...HOSTS[host], source: `env:${marker}` };
  }
  return { source: 'unknown' };
}

/** Linux keeps it in /proc; elsewhere nobody tells. */
export function parentProcessName(ppid: number): string | undefined {
  try {
    return readFileSync(`/proc/${ppid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
