import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { CodedError } from '../shared/errors.ts';
import { formatPublicKeyPem } from '../shared/crypto/public-key.ts';
import { renderFlags } from '../shared/flags.ts';
import type { HostFacts } from '../shared/paths.ts';
import { VERSION } from '../shared/version.ts';
import { DAEMON_FLAGS, printConfig, readConfig, type DaemonConfig } from './config.ts';
import { createForensicKeyFiles } from './keys/forensic-keys.ts';
import { createKeyFiles, createKeyIfMissing } from './keys/key-files.ts';
import { isExternalKey, openSigner } from './keys/signer.ts';
import { LogFile } from './log-file.ts';
import { StderrLog } from './log.ts';

const PROGRAM = 'obsigna-daemon';
const CALM_MS = 200;

/** Of the bundle; its launcher keeps what V8 has compiled so far. See ADR 0033. */
declare const module: { readonly keepCode?: () => void };

const HELP = `Usage: obsigna-daemon [flags]

Owns the signing key and the receipt store of this machine. Listens on a Unix socket and turns what
emitters report into signed, chained receipts. Flags win over environment variables, and those over
the configuration file. SIGHUP reads the settings again; SIGUSR2 ends the root chain and begins
the next.

First time:  obsigna-daemon -init     creates the key pair
Then:        obsigna-daemon           runs until SIGTERM or SIGINT

Flags:
${renderFlags(DAEMON_FLAGS)}

Exit status: 0 after an orderly stop, 1 when the daemon cannot start.
`;

async function main(): Promise<void> {
  const uid = process.getuid?.();
  const host: HostFacts = {
    env: process.env,
    platform: process.platform,
    home: homedir(),
    ...(uid !== undefined && { probe: { uid, exists: existsSync } }),
  };
  const { action, config, prune } = readConfig(process.argv.slice(2), host, new Date());
  switch (action) {
    case 'help':
      process.stdout.write(HELP);
      return;
    case 'version':
      process.stdout.write(`${PROGRAM} ${VERSION}\n`);
      return;
    case 'protocol-version':
      process.stdout.write('{"frame_version":{"min":1,"max":1}}\n');
      return;
    case 'print-config':
      process.stdout.write(printConfig(config()));
      return;
    case 'init':
      initKeys(config());
      return;
    case 'rotate':
      return rotate(config(), host);
    case 'print-public-key':
      return printPublicKey(config(), host);
    case 'init-if-missing':
      return initIfMissing(config());
    case 'status':
      return printStatus(config());
    case 'prune-before': {
      const { runPrune } = await import('./prune-command.ts');
      const report = await runPrune(config(), prune.before, prune.dryRun);
      process.stdout.write(`${JSON.stringify(report)}\n`);
      return;
    }
    case 'init-forensic-key':
      initForensicKey(config());
      return;
    case 'run':
      return run(config, host);
  }
}

function initKeys({ key, publicKey }: DaemonConfig): void {
  if (isExternalKey(key)) {
    throw new CodedError(
      'USAGE',
      'a key that is no file is made with the tools of its agent or token',
    );
  }
  createKeyFiles(key, publicKey);
  process.stdout.write(`generated signing key: ${key}\npublic key: ${publicKey}\n`);
}

function initForensicKey({ forensicKey, forensicPublicKey }: DaemonConfig): void {
  if (forensicKey === '') throw new CodedError('CONFIG_INVALID', 'forensic-key is required');
  const publicKey = forensicPublicKey === '' ? `${forensicKey}.pub` : forensicPublicKey;
  const kid = createForensicKeyFiles(forensicKey, publicKey);
  process.stdout.write(`generated forensic key: ${forensicKey}
forensic public key: ${publicKey}
fingerprint (kid): ${kid}

To seal parameters for it, start the daemon with
  -forensic-public-key ${publicKey} -parameter-disclosure high
Then take ${forensicKey} off this machine: who reads it, reads what is sealed.
`);
}

async function rotate(config: DaemonConfig, { env }: HostFacts): Promise<void> {
  process.umask(0o027);
  const { describeRotation, rotateKey } = await import('./keys/rotate.ts');
  const summary = await rotateKey(config, {
    env,
    log: new StderrLog(PROGRAM, { format: config.logFormat, level: config.logLevel }).log,
  });
  process.stdout.write(describeRotation(config, summary));
}

async function printPublicKey({ key }: DaemonConfig, { env }: HostFacts): Promise<void> {
  const { loadLibC } = await import('./native/libc.ts');
  const signer = openSigner(key, { libc: await loadLibC(), env });
  process.stdout.write(formatPublicKeyPem(signer.publicKey));
}

async function initIfMissing({ key, publicKey, db }: DaemonConfig): Promise<void> {
  const { holdsReceipts } = await import('./store/holds-receipts.ts');
  // A database without receipts does not count: it is what a start without a key leaves elsewhere.
  if (!createKeyIfMissing(key, publicKey, () => holdsReceipts(db))) return;
  process.stdout.write(`generated signing key: ${key}\npublic key: ${publicKey}\n`);
}

async function printStatus(config: DaemonConfig): Promise<void> {
  const { readStatus } = await import('./status.ts');
  const status = await readStatus(config);
  process.stdout.write(`${JSON.stringify(status)}\n`);
  process.exitCode = status.running && status.socket_answers ? 0 : 1;
}

/** Set once the settings are known, so that the last words have the format of all others. */
let stderr: StderrLog | undefined;
let logFile: LogFile | undefined;

async function run(read: () => DaemonConfig, host: HostFacts): Promise<void> {
  // From the first moment on: one that comes during the start waits for its end, and a second one
  // must not cut the last receipts short.
  const told = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolve(signal));
  });
  let isAskedToReload = false;
  let reload = () => void (isAskedToReload = true);
  process.on('SIGHUP', () => reload());
  let isAskedToRoll = false;
  let roll = (): void => void (isAskedToRoll = true);
  process.on('SIGUSR2', () => roll());
  const config = read();
  const file = config.logFile === '' ? undefined : new LogFile(config.logFile);
  logFile = file;
  const settings = { format: config.logFormat, level: config.logLevel };
  const out = new StderrLog(PROGRAM, settings, () => new Date(), file && ((it) => file.write(it)));
  stderr = out;
  // Native modules come with it, as with other imports on demand: -version does not wait for them.
  const { startDaemon } = await import('./daemon.ts');
  const daemon = await startDaemon(config, host, out.log);
  if (file !== undefined) {
    // Not before: whoever started it reads there why it does not start.
    const [{ redirectOutput }, { loadLibC }] = await Promise.all([
      import('./native/redirect.ts'),
      import('./native/libc.ts'),
    ]);
    const libc = await loadLibC();
    file.takeStderr((fd) => redirectOutput(libc, fd));
  }
  reload = () => {
    file?.reopen();
    const { logFormat: format, logLevel: level } = daemon.reload(read);
    out.configure({ format, level });
  };
  if (isAskedToReload) reload();
  roll = () => daemon.roll();
  if (isAskedToRoll) roll();
  afterStart();
  const signal = await told;
  roll = () => undefined; // the chains are about to end
  await daemon.stop(signal);
}

/** What can wait until those are served who waited for the start. */
function afterStart(): void {
  module.keepCode?.(); // before flags change: V8 takes code of the same flags only
  setTimeout(() => void limitHeap(), CALM_MS).unref();
}

/**
 * The daemon runs for months beside everything else, and V8 would rather grow than tidy up. The young
 * space stays as it is, the old one grows by half. Read at each collection, so that it works also
 * behind the start; --optimize-for-size keeps as small and costs a tenth of the CPU. Measured by
 * bench/history.ts. The young space is so small that to divide its collection costs more than it spares.
 */
async function limitHeap(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString(
    '--semi-space-growth-factor=1 --heap-growing-percent=50 --no-parallel-scavenge',
  );
}

main().catch((error: unknown) => {
  const coded = error instanceof CodedError;
  const text = coded ? error.message : String((error as Error).stack);
  const fix = coded ? `  fix: ${error.remedy} [${error.code}]\n` : '';
  const words = `${PROGRAM}: ${text}\n${fix}`;
  const isElsewhere = logFile !== undefined && !logFile.isStderr;
  if (stderr?.format === 'json') {
    const details = coded ? { code: error.code, fix: error.remedy } : {};
    stderr.log(text, { level: 'error', ...details });
  } else if (isElsewhere) logFile?.write(words);
  if (stderr?.format !== 'json' || isElsewhere) process.stderr.write(words);
  process.exitCode = 1;
});
