/** What a program must know about its host to find the files of the protocol. */
export interface HostFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `process.platform`. */
  readonly platform: string;
  /** Home directory of the user, empty when there is none. */
  readonly home: string;
  /** How to look around where the environment does not tell. Absent: the protocol's word counts. */
  readonly probe?: HostProbe;
}

export interface HostProbe {
  readonly uid: number;
  readonly exists: (path: string) => boolean;
}

/** Where things are unless somebody said otherwise. A member is empty when it cannot be known. */
export interface DefaultPaths {
  readonly dataDir: string;
  readonly socket: string;
  readonly db: string;
  readonly key: string;
  readonly publicKey: string;
  /** The private half that opens disclosures; its public half is this and `.pub`. */
  readonly forensicKey: string;
  readonly config: string;
}

const SOCKET = 'agentreceipts/events.sock';

/**
 * The default places, the same for the daemon, every emitter and every reader. Of the environment
 * only `XDG_*` counts here: `AGENTRECEIPTS_*` overrides a default and is the caller's business.
 *
 * Mind the two spellings: `agentreceipts` under the runtime directory, `agent-receipts` under the
 * data directory. Both are the protocol's.
 */
export function defaultPaths(host: HostFacts): DefaultPaths {
  const dataDir = dataDirOf(host);
  const inData = (name: string) => (dataDir === '' ? '' : `${dataDir}/${name}`);
  return {
    dataDir,
    socket: socketOf(host, inData),
    db: inData('receipts.db'),
    key: inData('signing.key'),
    publicKey: inData('signing.key.pub'),
    forensicKey: inData('forensic.key'),
    config: inData('daemon.toml'),
  };
}

/** The socket an emitter dials when it was not told one: `AGENTRECEIPTS_SOCKET`, or the default. */
export function emitterSocket(host: HostFacts): string {
  const { AGENTRECEIPTS_SOCKET: named = '' } = host.env;
  return named === '' ? defaultPaths(host).socket : named;
}

function dataDirOf({ env, home }: HostFacts): string {
  const { XDG_DATA_HOME: xdg = '' } = env;
  // The base directory specification tells readers to ignore a relative path.
  if (xdg.startsWith('/')) return `${trimSlashes(xdg)}/agent-receipts`;
  return home === '' ? '' : `${trimSlashes(home)}/.local/share/agent-receipts`;
}

function socketOf({ env, platform, probe }: HostFacts, inData: (name: string) => string): string {
  if (platform === 'darwin') return inData('events.sock');
  if (platform !== 'linux') return '';
  const { XDG_RUNTIME_DIR: runtime = '' } = env;
  if (runtime !== '') return `${trimSlashes(runtime)}/${SOCKET}`;
  return probe === undefined ? `/run/${SOCKET}` : socketWithoutRuntimeDir(probe, inData);
}

/**
 * Agent hosts start servers without `XDG_RUNTIME_DIR`, and containers have none: daemon and emitters
 * of one user still meet. What the machine's administrator has set up comes first.
 *
 * @see docs/adr/0030
 */
function socketWithoutRuntimeDir(
  { uid, exists }: HostProbe,
  inData: (name: string) => string,
): string {
  const user = `/run/user/${uid}`;
  if (uid === 0 || exists('/run/agentreceipts')) return `/run/${SOCKET}`;
  return exists(user) ? `${user}/${SOCKET}` : inData('events.sock') || `/run/${SOCKET}`;
}

function trimSlashes(path: string): string {
  return path.replace(/\/+$/, '');
}
