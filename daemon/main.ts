import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { CodedError } from '../shared/errors.ts';
import { formatPublicKeyPem } from '../shared/crypto/public-key.ts';
import { renderFlags } from '../shared/flags.ts';
import { defaultPaths, type HostFacts } from '../shared/paths.ts';
import { VERSION } from '../shared/version.ts';
import { DAEMON_FLAGS, printConfig, readConfig, type DaemonConfig } from './config.ts';
import { createKeyFiles } from './keys/key-files.ts';
import { describeRotation, rotateKey } from './keys/rotate.ts';
import { isAgentKey, openSigner } from './keys/signer.ts';
import { stderrLog } from './log.ts';
import { loadLibC } from './native/libc.ts';

const PROGRAM = 'obsigna-daemon';

const HELP = `Usage: obsigna-daemon [flags]

Owns the signing key and the receipt store of this machine. Listens on a Unix socket and turns what
emitters report into signed, chained receipts. Flags win over environment variables.

First time:  obsigna-daemon -init     creates the key pair
Then:        obsigna-daemon           runs until SIGTERM or SIGINT

Flags:
${renderFlags(DAEMON_FLAGS)}

Exit status: 0 after an orderly stop, 1 when the daemon cannot start.
`;

async function main(): Promise<void> {
  const host: HostFacts = { env: process.env, platform: process.platform, home: homedir() };
  const { action, config } = readConfig(process.argv.slice(2), host, new Date());
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
    case 'run':
      return run(config(), host);
  }
}

function initKeys({ key, publicKey }: DaemonConfig): void {
  if (isAgentKey(key)) {
    throw new CodedError('USAGE', 'a key in an ssh-agent is made with ssh-keygen -t ed25519');
  }
  createKeyFiles(key, publicKey);
  process.stdout.write(`generated signing key: ${key}\npublic key: ${publicKey}\n`);
}

async function rotate(config: DaemonConfig, { env }: HostFacts): Promise<void> {
  process.umask(0o027);
  const summary = await rotateKey(config, { env, log: stderrLog(PROGRAM) });
  process.stdout.write(describeRotation(config, summary));
}

async function printPublicKey({ key }: DaemonConfig, { env }: HostFacts): Promise<void> {
  const signer = openSigner(key, { libc: await loadLibC(), env });
  process.stdout.write(formatPublicKeyPem(signer.publicKey));
}

async function run(config: DaemonConfig, host: HostFacts): Promise<void> {
  const { config: file } = defaultPaths(host);
  if (file !== '' && existsSync(file)) {
    // Settings that an operator wrote must not be passed over in silence.
    throw new CodedError(
      'CONFIG_INVALID',
      `${file} exists, and this version reads no configuration file`,
    );
  }
  // From the first moment on: one that comes during the start waits for its end, and a second one
  // must not cut the last receipts short.
  const told = new Promise<void>((resolve) => {
    process.on('SIGTERM', () => resolve());
    process.on('SIGINT', () => resolve());
  });
  // Native modules come with it: no other action waits for them.
  const { startDaemon } = await import('./daemon.ts');
  const daemon = await startDaemon(config, host, stderrLog(PROGRAM));
  await told;
  await daemon.stop();
}

main().catch((error: unknown) => {
  const coded = error instanceof CodedError;
  process.stderr.write(`${PROGRAM}: ${coded ? error.message : String((error as Error).stack)}\n`);
  if (coded) process.stderr.write(`  fix: ${error.remedy} [${error.code}]\n`);
  process.exitCode = 1;
});
