import type { Server, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { nodeSuite } from '../shared/crypto/node-suite.ts';
import { FileSigner } from '../shared/crypto/private-key.ts';
import type { Signer } from '../shared/crypto/suite.ts';
import { CodedError } from '../shared/errors.ts';
import { defaultPaths, type HostFacts } from '../shared/paths.ts';
import type { PeerCredential } from '../shared/receipt/receipt.ts';
import { ApprovalBoard } from './approvals/board.ts';
import { Chains, type ChainHead } from './chains.ts';
import type { DaemonConfig } from './config.ts';
import type { Discloser } from './disclosure/discloser.ts';
import { parseDisclosurePolicy } from './disclosure/policy.ts';
import { readHandovers, refuseRetired } from './keys/archive.ts';
import { loadForensicPublicKey } from './keys/forensic-keys.ts';
import { checkPublicKey, publishPublicKey } from './keys/key-files.ts';
import { keyPathsOf } from './keys/rotate.ts';
import { openSigner, type SignerParts } from './keys/signer.ts';
import { SigningThread } from './keys/signing-thread.ts';
import { isSwapPending, settleSwap } from './keys/swap.ts';
import { Abandonment } from './journal/abandonment.ts';
import { Ledger } from './ledger.ts';
import { readBoot, startedReceipt } from './life.ts';
import { LiveSettings } from './live-settings.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { loadLibC } from './native/libc.ts';
import { acquireLock } from './native/lock.ts';
import { systemdNotifier } from './native/notify.ts';
import { peerReader, type PeerReader } from './native/peer.ts';
import { processClock, type ProcessClock } from './native/process.ts';
import { loginReader, type LoginReader } from './native/users.ts';
import { createRedactor, type Redactor } from './redact.ts';
import { RootName } from './root-name.ts';
import { Connection, type Presence } from './socket/connection.ts';
import { clearSocketPath, listen } from './socket/listener.ts';
import { Rests } from './socket/rests.ts';
import { judgeSocketPath } from './socket/socket-policy.ts';
import { openStore, type ReceiptStore } from './store/receipt-store.ts';

/** Group may read the store, nobody else. Set before the first file is made. */
const UMASK = 0o027;
const UNSAFE_REMINDER_MS = 60_000;

export interface RunningDaemon {
  /** Ends in order: no more frames, every received one recorded, chains closed, files away. */
  stop(reason: string): Promise<void>;
  /** Ends the chains in use and begins the next root. */
  roll(): void;
  /**
   * Reads the settings again and applies those that can change while it runs; what needs a restart
   * is named in the log. Settings that cannot be read change nothing.
   *
   * @returns The settings in force
   */
  reload(read: () => DaemonConfig): DaemonConfig;
}

/** Steps to take back, newest first, when a later step of the start fails. */
class Undo {
  #steps: (() => void)[] = [];

  push(step: () => void): void {
    this.#steps.unshift(step);
  }

  run(): void {
    for (const step of this.#steps.splice(0)) step();
  }
}

/**
 * Starts a daemon. Everything that can be refused is looked at before anything is made, and a start
 * that fails after that takes back what it made: the next one finds the machine as it was.
 *
 * @throws CodedError with the reason and what to do about it
 */
export async function startDaemon(
  config: DaemonConfig,
  host: HostFacts,
  log: Log,
): Promise<RunningDaemon> {
  const { platform } = process;
  if (platform !== 'linux' && platform !== 'darwin') {
    throw new CodedError('PLATFORM_UNSUPPORTED', `the daemon does not run on ${platform}`);
  }
  const stopReminder = allowSocketPath(config, host, log);
  const undo = new Undo();
  undo.push(stopReminder);
  try {
    process.umask(UMASK);
    const libc = await loadLibC();
    const { env } = host;
    const signer = openSigner(config.key, { libc, env });
    if (!isSwapPending(keyPathsOf(config))) checkPublicKey(config.publicKey, signer);
    const discloser = await loadDiscloser(config, log);
    const redact = await loadRedactor(config, log);
    return await open(config, { signer, discloser, redact, libc, env, log, undo, platform });
  } catch (error) {
    undo.run();
    throw error;
  }
}

/**
 * Sealing and its library load only when somebody asked for them.
 *
 * @throws CodedError `CONFIG_INVALID` for a policy without a key: its envelopes would silently be
 *   missing
 */
async function loadDiscloser(config: DaemonConfig, log: Log): Promise<Discloser | undefined> {
  const { parameterDisclosure, responseDisclosure, forensicPublicKey: path } = config;
  const policies = {
    parameters: parseDisclosurePolicy('parameter-disclosure', parameterDisclosure),
    response: parseDisclosurePolicy('response-disclosure', responseDisclosure),
  };
  const isOff = policies.parameters.mode === 'off' && policies.response.mode === 'off';
  if (isOff && path === '') return undefined;
  if (path === '') {
    const setting =
      policies.parameters.mode === 'off' ? 'response-disclosure' : 'parameter-disclosure';
    throw new CodedError('CONFIG_INVALID', `${setting} needs -forensic-public-key`);
  }
  const publicKey = loadForensicPublicKey(path);
  if (isOff) {
    log('NOTICE: a forensic public key is set, but disclosure is off: nothing is sealed');
    return undefined;
  }
  const { createDiscloser } = await import('./disclosure/discloser.ts');
  return createDiscloser(policies, publicKey, log);
}

async function loadRedactor({ redactPatterns }: DaemonConfig, log: Log): Promise<Redactor> {
  if (redactPatterns === '') return createRedactor([]);
  const { loadPatterns } = await import('./redaction/load-patterns.ts');
  const patterns = loadPatterns(redactPatterns);
  log(`loaded ${patterns.length} custom redaction pattern(s) from ${redactPatterns}`);
  return createRedactor(patterns.map(({ expression }) => expression));
}

interface Parts extends SignerParts {
  readonly signer: Signer;
  readonly discloser: Discloser | undefined;
  readonly redact: Redactor;
  readonly log: Log;
  readonly undo: Undo;
  readonly platform: NodeJS.Platform;
  readonly env: HostFacts['env'];
}

async function open(config: DaemonConfig, parts: Parts): Promise<RunningDaemon> {
  const { discloser, redact, libc, log, undo, platform, env } = parts;
  const opened = openStore(config.db, () => acquireLock(libc, `${config.db}.lock`));
  undo.push(opened.undo);
  const { store, lock } = opened;
  // Under the lock: a second start must never take the socket of a first that is on its way.
  await clearSocketPath(config.socket);
  const signer = settleRotation(config, store, parts);
  const handovers = readHandovers(store, config.publicKey, signer);
  refuseRetired(signer, handovers);
  const identity = { issuerId: config.issuerId, verificationMethod: config.verificationMethod };
  const chains = new Chains(store, nodeSuite.verifyKey(signer.publicKey), identity, handovers);
  const root = chains.resumeRoot(config.chainId);
  const metrics = new Metrics();
  const rootName = new RootName(config.chainId, !config.isChainNamed);
  const start = startedReceipt(readBoot(store, root.sequence === 0));
  const notifier = systemdNotifier(libc, env, (text) => log(`level=warn ${text}`));
  const settings = new LiveSettings(config, notifier, log);
  const onRoll = ({ chainId }: ChainHead) => settings.ready(chainId);
  // An agent or a token signs one thing after another, and holds the key itself.
  const signingThread = signer instanceof FileSigner ? new SigningThread(signer, log) : undefined;
  undo.push(() => signingThread?.stop());
  const ledger = new Ledger({
    store,
    chains,
    root,
    rootName,
    start,
    onRoll,
    signer,
    signingThread,
    identity,
    log,
    metrics,
    redact,
  });

  const processes = processClock(libc, platform);
  const abandonment = new Abandonment({
    journal: ledger.journal,
    isAlive: (owner) => processes.isAlive(owner),
    giveUp: (call, reason) => ledger.giveUp(call, reason),
  });
  undo.push(() => abandonment.stop());
  const connections = new Set<Connection>();
  const activity: Activity = { count: 0 };
  const onRead = () => void (activity.count += 1);
  const rests = new Rests();
  undo.push(() => rests.stop());
  // The socket is made by this process, so it belongs to its user.
  const approvals = new ApprovalBoard(process.geteuid?.() ?? 0);
  const peerOf = peerReader(libc, platform);
  const loginOf = loginReader(libc);
  const server = await listen(config.socket, (socket) => {
    activity.count += 1;
    const connection = accept(socket, {
      peerOf,
      loginOf,
      processes,
      ledger,
      presence: abandonment,
      approvals,
      discloser,
      log,
      metrics,
      onRead,
      rests,
    });
    if (connection === undefined) return;
    connections.add(connection);
    // Not before: the shutdown waits for envelopes of those that are in the set.
    socket.once('close', () => {
      void connection.handedOn().then(() => connections.delete(connection));
    });
  });
  undo.push(() => server.close());
  const gauges = () => ({
    queued: ledger.queued,
    connections: connections.size,
    openCalls: ledger.journal.count,
    root: ledger.rootHead,
  });
  let endpoint: { close(): void } | undefined;
  if (config.metrics !== undefined) {
    const { serveMetrics } = await import('./metrics-server.ts');
    const served = await serveMetrics(config.metrics, metrics, gauges);
    undo.push(() => served.close());
    endpoint = served;
    log(`serving metrics at ${served.address}`);
  }
  if (publishPublicKey(config.publicKey, signer))
    log(`published public key to ${config.publicKey}`);
  // The last step: a start that fails must not be in the record.
  ledger.begin();
  log(`loaded chain ${root.chainId}, next seq=${root.sequence + 1}`);
  log(`obsigna-daemon listening on ${config.socket} (chain=${root.chainId}, db=${config.db})`);
  abandonment.restarted();
  settings.ready(root.chainId);
  const stopWatching = rootName.watch(() => ledger.rollWhenDue());
  const stop = async (reason: string) => {
    notifier.stopping();
    stopWatching();
    const { shutdownDeadlineMs } = settings.current;
    const running = { server, connections, activity, rests, ledger, abandonment, store, log };
    const last = { reason, shutdownDeadlineMs, ...running };
    try {
      endpoint?.close();
      await shutDown(last);
    } finally {
      lock.release();
      signingThread?.stop();
    }
    log(`level=info stats: ${metrics.stats}`);
    log('obsigna-daemon shutdown complete');
  };
  return { stop, reload: (read) => settings.reload(read), roll: () => ledger.roll('request') };
}

/** The key to sign with, after a rotation that was cut short has come to its end either way. */
function settleRotation(config: DaemonConfig, store: ReceiptStore, parts: Parts): Signer {
  const { signer, log } = parts;
  const paths = keyPathsOf(config);
  if (!isSwapPending(paths)) return signer;
  const handovers = readHandovers(store, config.publicKey, signer);
  const outcome = settleSwap(paths, handovers, signer.publicKey);
  if (outcome === undefined) return signer;
  if (outcome === 'undone') {
    log('undid a key rotation that was interrupted before it was recorded');
  } else log(`finished the key rotation of ${outcome.finished.receiptId}`);
  const settledSigner = openSigner(config.key, parts);
  checkPublicKey(config.publicKey, settledSigner);
  return settledSigner;
}

interface AcceptParts {
  readonly peerOf: PeerReader;
  readonly loginOf: LoginReader;
  readonly processes: ProcessClock;
  readonly presence: Presence;
  readonly approvals: ApprovalBoard;
  readonly ledger: Ledger;
  readonly discloser: Discloser | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly onRead: () => void;
  readonly rests: Rests;
}

/** Connections accepted and chunks read so far. */
interface Activity {
  count: number;
}

/** Reads who connected, before any byte of what they say. A caller without a name is not served. */
function accept(
  socket: Socket,
  { peerOf, loginOf, processes, ...parts }: AcceptParts,
): Connection | undefined {
  const { log, metrics } = parts;
  let peer: PeerCredential;
  try {
    peer = peerOf(socket);
  } catch (error) {
    log(`peer credentials: ${(error as Error).message}`, { level: 'error' });
    socket.destroy();
    return undefined;
  }
  metrics.accepted();
  const principalId = principalOf(peer, loginOf);
  log(`connection from pid ${peer.pid}`, { level: 'debug', pid: peer.pid });
  const owner = processes.tagOf(peer.pid);
  const hostOf = (pid: number) => processes.hostOf(pid);
  return new Connection({ socket, peer, owner, principalId, hostOf, ...parts });
}

/** The login name in the user database, or the number where there is none. */
function principalOf({ platform, uid }: PeerCredential, loginOf: LoginReader): string {
  const login = uid === undefined ? undefined : loginOf(uid);
  return `did:user:${login ?? `${platform}:${uid}`}`;
}

interface ShutDownParts {
  readonly reason: string;
  readonly shutdownDeadlineMs: number;
  readonly server: Server;
  readonly connections: ReadonlySet<Connection>;
  readonly activity: Activity;
  readonly rests: Rests;
  readonly ledger: Ledger;
  readonly abandonment: Abandonment;
  readonly store: ReceiptStore;
  readonly log: Log;
}

async function shutDown(parts: ShutDownParts): Promise<void> {
  const { reason, shutdownDeadlineMs, server, connections, activity, rests } = parts;
  const { ledger, abandonment, store, log } = parts;
  const startedAt = Date.now();
  const deadline = startedAt + shutdownDeadlineMs;
  // Half of the time: emitters that never fall silent must not cost the chains their last receipts.
  const half = startedAt + shutdownDeadlineMs / 2;
  rests.stop();
  const isQuiet = await silence(activity, () => settled(connections, ledger), half);
  server.close(); // removes the socket file
  for (const connection of connections) connection.stopReading();
  await settled(connections, ledger);
  abandonment.stop(); // from here on the last receipts of the chains tell what is open
  for (const connection of connections) connection.close();
  try {
    const mayGoOn = () => Date.now() < deadline;
    const left = ledger.terminate({ reason, isQuiet, mayGoOn });
    for (const chainId of left) {
      log(
        `level=warn terminator: deadline expired, chain ${chainId} will be classified as 'unknown' by verifier`,
      );
    }
  } finally {
    store.close();
  }
}

/**
 * What emitters have sent already lies in the kernel's buffers, also on connections that nobody has
 * accepted yet, and would be lost: goes on until a whole turn of the event loop has brought nothing
 * more, or time is up.
 *
 * @returns Whether nobody had anything more to say
 */
async function silence(
  activity: Activity,
  settle: () => Promise<void>,
  deadline: number,
): Promise<boolean> {
  let before = -1;
  while (Date.now() < deadline && activity.count !== before) {
    before = activity.count;
    await settle(); // connections that were held back read on behind this
    await turn(); // to the end of this turn of the event loop
    await turn(); // and once around
  }
  return activity.count === before;
}

/** Everything that was read is recorded or refused, envelopes included. */
async function settled(connections: ReadonlySet<Connection>, ledger: Ledger): Promise<void> {
  await Promise.all([...connections].map((connection) => connection.handedOn()));
  await ledger.drained();
}

/** @returns Ends the reminder that an unsafe path keeps in the log. */
function allowSocketPath(config: DaemonConfig, host: HostFacts, log: Log): () => void {
  const { env } = host;
  const { dataDir } = defaultPaths(host);
  const danger = judgeSocketPath(config.socket, { platform: process.platform, env, dataDir });
  if (danger === undefined) return () => undefined;
  if (!config.unsafeSocketPath) throw new CodedError('SOCKET_PATH_UNSAFE', danger);
  const remind = () => log(`level=warn unsafe socket path: ${danger}`);
  remind();
  const timer = setInterval(remind, UNSAFE_REMINDER_MS);
  timer.unref();
  return () => clearInterval(timer);
}
