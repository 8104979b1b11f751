import { readFileSync } from 'node:fs';

/** Who calls, in words that a receipt carries as claims. */
export interface HostIdentity {
  readonly issuerName?: string | undefined;
  readonly operatorId?: string | undefined;
  readonly operatorName?: string | undefined;
}

/** The agent that started us, as far as it can be told without asking it. */
export interface AgentHost {
  readonly identity: HostIdentity;
  /** `auto:<process>`, `env:<VARIABLE>`, `flags` or `unknown`, for the log. */
  readonly source: string;
}

const HOSTS = {
  claude: {
    issuerName: 'Claude Code',
    operatorId: 'did:web:anthropic.com',
    operatorName: 'Anthropic',
  },
  codex: { issuerName: 'Codex', operatorId: 'did:web:openai.com', operatorName: 'OpenAI' },
  cursor: { issuerName: 'Cursor', operatorId: 'did:web:cursor.com', operatorName: 'Cursor' },
  windsurf: { issuerName: 'Windsurf', operatorId: 'did:web:codeium.com', operatorName: 'Codeium' },
} as const;

/** Variables that hosts set, in the order in which they are believed. */
const MARKERS: readonly (readonly [
  matches: (name: string) => boolean,
  host: keyof typeof HOSTS,
])[] = [
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
    return { identity: HOSTS[parent as keyof typeof HOSTS], source: `auto:${parent}` };
  }
  const names = Object.keys(env).sort();
  for (const [matches, host] of MARKERS) {
    const marker = names.find(matches);
    if (marker !== undefined) return { identity: HOSTS[host], source: `env:${marker}` };
  }
  return { identity: {}, source: 'unknown' };
}

/**
 * What the operator said over what was detected. An operator id replaces the detected operator as
 * a whole: a name of one and an id of another would be a third that does not exist.
 */
export function overrideHost(detected: AgentHost, given: HostIdentity): AgentHost {
  const { issuerName = detected.identity.issuerName, operatorId, operatorName } = given;
  if (given.issuerName === undefined && operatorId === undefined) return detected;
  const operator = operatorId === undefined ? detected.identity : { operatorId, operatorName };
  return {
    identity: { ...operator, issuerName },
    source: 'flags',
  };
}

/** Linux keeps it in /proc; elsewhere nobody tells. */
export function parentProcessName(ppid: number): string | undefined {
  try {
    return readFileSync(`/proc/${ppid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
