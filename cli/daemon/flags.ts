import { dbFlag } from '../common-flags.ts';

/** Settings that are handed on to the daemon's program as they were given. */
export const daemonFlags = {
  config: {
    type: 'string',
    placeholder: 'PATH',
    describe: "the daemon's configuration file",
    env: 'AGENTRECEIPTS_CONFIG',
    default: '<data>/agent-receipts/daemon.toml',
  },
  db: { ...dbFlag, describe: "the daemon's store" },
  socket: {
    type: 'string',
    placeholder: 'PATH',
    describe: "the daemon's socket",
    env: 'AGENTRECEIPTS_SOCKET',
  },
} as const;

export const systemFlag = {
  type: 'boolean',
  describe: "the machine's daemon (systemd system unit), not this user's",
} as const;

export const DAEMON_NOTE = `Where a service is installed (obsigna daemon install) its manager is asked;
otherwise the daemon is a plain process in the background.

Exit codes: 0 done; 1 the answer is no; 2 wrong usage, or it could not be done.
`;

type Given = { readonly [name in keyof typeof daemonFlags]: string | undefined };

/** As flags for `obsigna-daemon`; its own variables it reads by itself. */
export function handOn({ config, db, socket }: Given): readonly string[] {
  const pairs = Object.entries({ config, db, socket });
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [`-${name}=${value}`]));
}
