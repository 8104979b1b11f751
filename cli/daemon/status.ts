import type { Cli, ExitCode } from '../cli.ts';
import { printable } from '../terminal.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { DAEMON_NOTE, daemonFlags, handOn, systemFlag } from './flags.ts';
import { daemonCommand, daemonStatus } from './program.ts';
import { installedService, serviceHost, serviceState } from './service.ts';

const spec = {
  ...daemonFlags,
  system: systemFlag,
  json: { type: 'boolean', describe: 'print the answer as JSON' },
} as const;

/** Paths of the system unit, for those who ask about it. */
const SYSTEM = ['-db=/var/lib/agentreceipts/receipts.db', '-socket=/run/agentreceipts/events.sock'];

/** `obsigna daemon status` */
export const statusCommand = defineVerb({
  name: 'daemon status',
  operands: [],
  about: 'Says whether a daemon runs, in the words of the kernel and not of a file.',
  spec,
  notes: `${DAEMON_NOTE}Here: 0 it runs and its socket answers, 1 it does not.\n`,
  run: status,
});

function status({ flags }: VerbInput<typeof spec>, cli: Cli): ExitCode {
  const isSystem = flags.system === true;
  const service = installedService(serviceHost(cli), isSystem);
  const asked = [...(isSystem ? SYSTEM : []), ...handOn(flags)];
  const found = daemonStatus(daemonCommand(cli), asked);
  const state = service === undefined ? undefined : serviceState(service);
  if (flags.json === true) {
    const json = { ...found, service: service?.name ?? null, service_state: state ?? null };
    cli.out.write(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    const { running, pid, socket, socket_answers: answers, db } = found;
    const who = pid === null ? '' : `, pid ${pid}`;
    cli.out.write(`daemon:  ${running ? `running${who}` : 'not running'}\n`);
    cli.out.write(`socket:  ${printable(socket)} (${answers ? 'answers' : 'does not answer'})\n`);
    cli.out.write(`store:   ${printable(db)}\n`);
    const managed = service === undefined ? 'none installed' : `${service.name}, ${state ?? '?'}`;
    cli.out.write(`service: ${managed}\n`);
  }
  return found.running && found.socket_answers ? 0 : 1;
}
