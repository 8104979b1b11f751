import { hostFacts } from '../../emitter/default-socket.ts';
import { greetDaemon } from '../../emitter/greet-daemon.ts';
import { CodedError } from '../../shared/errors.ts';
import { countHealth, exitCodeOf, warn, type HealthCheck } from '../../shared/health/check.ts';
import {
  dialPathCheck,
  environmentCheck,
  extensionsCheck,
  processCheck,
  type Greeting,
} from '../../shared/health/daemon-checks.ts';
import { healthText } from '../../shared/health/text.ts';
import type { HostFacts } from '../../shared/paths.ts';
import type { Cli, ExitCode } from '../cli.ts';
import {
  answerFlags,
  evidenceFlags,
  paintFor,
  PATH_NOTE,
  publicKeyPath,
  storePath,
} from '../common-flags.ts';
import { parsePins } from '../key-trust.ts';
import { readKeyring } from '../keyring.ts';
import { Progress } from '../progress.ts';
import { ReceiptReader, type StoredChain } from '../store/reader.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { survey } from '../wrap/survey.ts';
import { coverageCheck, wrappedCheck } from './governance-checks.ts';
import { hookHost } from '../hooks/host.ts';
import { hooksCheck } from './hook-checks.ts';
import { roundTripCheck } from './round-trip.ts';
import { socketCheck, socketStat } from './socket-checks.ts';
import {
  chainHeadCheck,
  outcomesCheck,
  permissionsCheck,
  platformCheck,
  schemaCheck,
  sharedUidCheck,
  type Evidence,
} from './store-checks.ts';

const DEFAULT_TIMEOUT_MS = 3000;

const spec = {
  socket: {
    type: 'string',
    placeholder: 'PATH',
    describe: "the daemon's socket",
    env: 'AGENTRECEIPTS_SOCKET',
    default: '$XDG_RUNTIME_DIR/agentreceipts/events.sock',
  },
  ...evidenceFlags,
  'chain-id': {
    type: 'string',
    placeholder: 'ID',
    describe: 'the chain to verify; without it the newest root chain',
    env: 'AGENTRECEIPTS_CHAIN_ID',
  },
  'no-roundtrip': { type: 'boolean', describe: 'write no receipt; that check is a warning then' },
  'warn-as-error': { type: 'boolean', describe: 'end with 1 on a warning too' },
  'roundtrip-timeout': {
    type: 'duration',
    placeholder: 'DURATION',
    describe: 'how long to wait for the receipt',
    default: DEFAULT_TIMEOUT_MS,
  },
  ...answerFlags,
} as const;

const notes = `${PATH_NOTE}
Reports one event through the daemon's socket and looks for its receipt, unless
-no-roundtrip is given. A note is worth knowing and no warning. docs/doctor.md
explains every check.

Exit codes: 0 healthy; 1 a check failed, or warned with -warn-as-error; 2 wrong usage.
`;

/** `obsigna doctor` */
export const doctorCommand = defineVerb({
  name: 'doctor',
  operands: [],
  about: 'Checks daemon, socket, store and key, and says what to do about what is wrong.',
  spec,
  notes,
  run: doctor,
});

type Flags = VerbInput<typeof spec>['flags'];

async function doctor({ flags }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const paint = paintFor(cli, flags.color);
  const timeoutMs = flags['roundtrip-timeout'] ?? DEFAULT_TIMEOUT_MS;
  if (timeoutMs <= 0)
    throw new CodedError('USAGE', '-roundtrip-timeout must be longer than nothing');
  const checks = await examine(flags, timeoutMs, cli);
  const counts = countHealth(checks);
  const code = exitCodeOf(counts, flags['warn-as-error'] === true);
  if (flags.json === true) {
    cli.out.write(`${JSON.stringify({ ok: code === 0, checks }, null, 2)}\n`);
    return code;
  }
  cli.out.write(healthText('obsigna doctor \u2014 pipeline health', checks, { code, paint }));
  return code;
}

async function examine(flags: Flags, timeoutMs: number, cli: Cli): Promise<readonly HealthCheck[]> {
  const { platform, env } = process;
  const surroundings: HostFacts = { ...hostFacts(), home: env['HOME'] ?? '' };
  const socketPath = flags.socket ?? cli.paths.socket;
  const dbPath = storePath(cli, flags.db);
  const keyPath = publicKeyPath(cli, flags['public-key']);
  const pins = parsePins(flags.pin);
  const greeting: Greeting =
    socketPath === '' ? { state: 'unreachable', code: 'no path' } : await greetDaemon(socketPath);
  // Before the chain is looked at: a daemon that has just started has nothing else to show.
  const trip =
    flags['no-roundtrip'] === true
      ? warn('round-trip', 'skipped', 'leave out -no-roundtrip to make it')
      : await roundTripCheck(greeting, {
          socketPath,
          dbPath,
          chainId: flags['chain-id'],
          timeoutMs,
        });
  const evidence: Evidence = {
    pins,
    reader: attempt(() => new ReceiptReader(dbPath)),
    keyring: attempt(() => readKeyring(keyPath)),
  };
  const { AGENTRECEIPTS_KEY: namedKey = '' } = env;
  const signingKey = namedKey === '' ? keyPath.replace(/\.pub$/, '') : namedKey;
  const progress = new Progress(cli, () =>
    evidence.reader instanceof CodedError ? 0 : evidence.reader.count(),
  );
  try {
    const chain = chainOf(flags, evidence);
    const found = survey({ host: surroundings, project: process.cwd() });
    const isDaemonUp = greeting.state !== 'unreachable';
    const step = () => progress.step(chain.id);
    const head = await chainHeadCheck(evidence, chain, isDaemonUp, step);
    progress.clear();
    return [
      processCheck(socketPath, greeting),
      socketCheck(socketPath),
      dialPathCheck(socketPath, surroundings),
      permissionsCheck(dbPath),
      schemaCheck(evidence),
      platformCheck(platform),
      head,
      trip,
      outcomesCheck(evidence, Date.now()),
      extensionsCheck(greeting),
      sharedUidCheck(socketStat(socketPath)?.uid, process.getuid?.() ?? -1, signingKey),
      environmentCheck(socketPath, surroundings),
      coverageCheck(found),
      wrappedCheck(found),
      hooksCheck(hookHost(cli)),
    ];
  } finally {
    if (evidence.reader instanceof ReceiptReader) evidence.reader.close();
  }
}

/** A fault here is a finding, and belongs to the check that needs what is missing. */
function attempt<T>(open: () => T): T | CodedError {
  try {
    return open();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

function chainOf(flags: Flags, { reader }: Evidence): StoredChain {
  const given = flags['chain-id'];
  if (given !== undefined) return { id: given, key: given };
  const newest = reader instanceof CodedError ? undefined : attempt(() => reader.newestRoot());
  if (newest !== undefined && !(newest instanceof CodedError)) return newest;
  const today = new Date().toISOString().slice(0, 10);
  return { id: today, key: today };
}
