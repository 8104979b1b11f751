const MAX_LENGTH = 100_000;
const SHELLS = new Set([
  'sh',
  'bash',
  'zsh',
  'dash',
  'ksh',
  'fish',
  'pwsh',
  'python',
  'python3',
  'node',
  'perl',
  'ruby',
  'php',
]);
const FETCHERS = new Set(['curl', 'wget', 'fetch', 'http', 'base64']);
const WRAPPERS = new Set([
  'sudo',
  'doas',
  'env',
  'nohup',
  'time',
  'exec',
  'command',
  'xargs',
  'nice',
]);

/** A program, and words of which one must stand behind it; none means that the program is enough. */
const DANGERS: readonly (readonly [program: string, ...words: RegExp[]])[] = [
  ['rm', /^-[a-z]*[rf]/i, /^--(?:recursive|force|no-preserve-root)$/],
  ['dd', /^of=/],
  ['mkfs'],
  ['shred'],
  ['wipefs'],
  ['fdisk'],
  ['shutdown'],
  ['reboot'],
  ['halt'],
  ['poweroff'],
  ['killall'],
  ['pkill'],
  ['kill', /^-(?:9|KILL|SIGKILL)$/i],
  ['chmod', /^-[a-z]*R/, /^0?777$/, /^[a-z]*\+s$/],
  ['chown', /^-[a-z]*R/],
  ['crontab'],
  ['iptables'],
  ['useradd'],
  ['usermod'],
  ['passwd'],
  ['visudo'],
  ['nc', /^-[a-z]*e/],
  ['ncat', /^-[a-z]*e/],
  ['eval'],
  ['git', /^--force/, /^-f$/, /^--hard$/, /^clean$/, /^filter-branch$/],
  ['kubectl', /^delete$/, /^exec$/, /^drain$/],
  ['terraform', /^destroy$/, /^apply$/],
  ['docker', /^--privileged$/, /^prune$/, /^rm$/],
  ['aws', /^delete-/, /^terminate-/, /^rm$/],
  ['gcloud', /^delete$/],
  ['npm', /^publish$/],
  ['find', /^-delete$/, /^-exec$/],
  ['truncate'],
  ['systemctl', /^(?:stop|disable|mask)$/],
];

/**
 * What is dangerous in a text if it is run by a shell; undefined if nothing is known to be. Words are
 * split as a shell would in the simplest case: this is a hint, and who must be sure blocks the tool.
 */
export function findDangerousShell(text: string): string | undefined {
  const line = text.slice(0, MAX_LENGTH);
  const pipelines = line.split(/[;&\n()`]|\$\(|\|\|/);
  for (const pipeline of pipelines) {
    const commands = pipeline.split('|').map(commandOf);
    const from = commands.findIndex(({ program }) => FETCHERS.has(program));
    const fetches =
      from !== -1 && commands.slice(from + 1).some(({ program }) => SHELLS.has(program));
    if (fetches) return 'shell: what was fetched is run';
    for (const command of commands) {
      const found = judge(command);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

interface Command {
  readonly program: string;
  readonly words: readonly string[];
  readonly isRoot: boolean;
}

function commandOf(text: string): Command {
  const all = text
    .replaceAll(/["'\\]/g, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const start = all.findIndex((word) => !WRAPPERS.has(word) && !/^(?:\w+=|-)/.test(word));
  const before = start === -1 ? all : all.slice(0, start);
  const program = start === -1 ? '' : (all[start] ?? '');
  return {
    program: program.slice(program.lastIndexOf('/') + 1),
    words: start === -1 ? [] : all.slice(start + 1),
    isRoot: before.some((word) => word === 'sudo' || word === 'doas'),
  };
}

function judge({ program, words, isRoot }: Command): string | undefined {
  if (isRoot) return 'shell: as root';
  const name = program.startsWith('mkfs.') ? 'mkfs' : program;
  const danger = DANGERS.find(
    ([dangerous, ...signs]) =>
      dangerous === name &&
      (signs.length === 0 || words.some((word) => signs.some((sign) => sign.test(word)))),
  );
  if (danger !== undefined) return `shell: ${danger[0]}`;
  const target = words.findIndex((word) => /^\d?>>?/.test(word));
  const file = words[target]?.replace(/^\d?>>?/, '') || words[target + 1];
  return target !== -1 && /^\/(?:dev\/(?:sd|nvme|disk|mem)|etc\/|boot\/)/.test(file ?? '')
    ? 'shell: writes to the system'
    : undefined;
}
