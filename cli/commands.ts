import { defineCommand, type CommandDef } from 'citty';
import { renderRows } from '../shared/flags.ts';

const RECEIPT_COMMANDS = [
  ['receipt list', 'Show receipts, newest first, with filters'],
  ['receipt tail', 'Show the newest receipts, and those that follow'],
  ['receipt show SEQ', 'Show one receipt'],
  ['receipt disclose SEQ', 'Open what was sealed into one receipt'],
  ['receipt verify', 'Verify signatures, links and columns of every chain'],
  ['receipt verify-event', 'Verify single receipts and who reported them'],
] as const;

const FIRST_COMMANDS = [
  ['init', 'Set up keys, rules and a daemon that runs; may be run again'],
  ['sample', 'Explain one receipt of this machine, member by member'],
] as const;

const CLIENT_COMMANDS = [
  ['wrap', "Put the proxy in front of the servers in clients' configuration"],
  ['unwrap', 'Take it out again'],
  ['status', 'Say which servers on this machine are governed'],
] as const;

const DIAGNOSTICS = [
  ['doctor', 'Check daemon, socket, store and key, with a real round trip'],
] as const;

const APPROVAL_COMMANDS = [
  ['approvals list', 'Show the tool calls that wait for a person'],
  ['approvals show ID', 'Show one of them, with its arguments'],
  ['approvals approve ID', 'Let it run'],
  ['approvals deny ID', 'Refuse it'],
  ['approvals watch', 'Show them as they come'],
] as const;

const KEY_COMMANDS = [
  ['keys generate', 'Make a signing key'],
  ['keys list', 'Show the published key and those it replaced'],
  ['keys pubkey', 'Print the public half of the signing key'],
  ['keys rotate', 'Replace the signing key; the daemon must be stopped'],
] as const;

const RULE_COMMANDS = [
  ['rules check FILE', 'Check a rules file, and name rules that never decide'],
  ['rules test FILE CASES', 'Compare what the rules decide with what is expected'],
  ['rules explain FILE', 'Say why a call is decided as it is'],
  ['rules replay FILE', 'Decide recorded calls by other rules'],
  ['rules import FILE', 'Carry over rules of another proxy'],
  ['rules schema', 'Print the JSON Schema of a rules file, for editors'],
] as const;

const HOOK_COMMANDS = [
  ['hooks install', 'Make agents start obsigna-hook around their own tools'],
  ['hooks uninstall', 'Take it out of their configuration'],
] as const;

const STORE_COMMANDS = [
  ['store backup DEST', 'Copy the store while it is in use'],
  ['store check', 'Check that the store is sound as a database'],
  ['store prune', 'Remove old chains, and leave receipts that name them'],
] as const;

const DAEMON_COMMANDS = [
  ['daemon run', 'Run the daemon in the foreground'],
  ['daemon start', 'Start it in the background, or its service'],
  ['daemon stop', 'Stop it'],
  ['daemon status', 'Say whether it runs'],
  ['daemon reload', 'Make it read its settings again'],
  ['daemon roll', 'Make it end its chains and begin the next'],
  ['daemon logs', 'Show its log'],
  ['daemon install', 'Install it as a service: systemd, launchd'],
  ['daemon uninstall', 'Remove the service'],
] as const;

const ALIASES = [
  ['verify', 'receipt verify'],
  ['show', 'receipt show'],
] as const;

const MORE = `Every command explains itself with -h. Exit codes: 0 good, 1 the answer is no,
2 wrong usage or not readable.
`;

/** Usage texts by group; the key is what stands behind `obsigna`. */
export const USAGES: Readonly<Record<string, string>> = {
  '': `Usage: obsigna <command> [options]

Reads and verifies the receipts of AI agents' tool calls, which needs no daemon,
and runs the daemon that writes them.

First steps:
${renderRows(FIRST_COMMANDS)}
Receipt commands:
${renderRows(RECEIPT_COMMANDS)}
Clients:
${renderRows(CLIENT_COMMANDS)}
Approvals:
${renderRows(APPROVAL_COMMANDS)}
Key commands:
${renderRows(KEY_COMMANDS)}
Rules:
${renderRows(RULE_COMMANDS)}
Hooks of agents:
${renderRows(HOOK_COMMANDS)}
Store commands:
${renderRows(STORE_COMMANDS)}
Processes:
${renderRows(DAEMON_COMMANDS)}
Diagnostics:
${renderRows(DIAGNOSTICS)}
Aliases:
${renderRows(ALIASES)}
Other:
${renderRows([
  ['completion SHELL', 'Print a completion script for bash, zsh or fish'],
  ['help', 'This text; with a command, its help'],
  ['--version', 'The version of this program'],
])}
${MORE}`,
  receipt: `Usage: obsigna receipt <command> [options]

Receipt commands:
${renderRows(RECEIPT_COMMANDS.map(([name, text]) => [name.replace('receipt ', ''), text]))}
${MORE}`,
  approvals: `Usage: obsigna approvals <command> [options]

Approvals:
${renderRows(APPROVAL_COMMANDS.map(([name, text]) => [name.replace('approvals ', ''), text]))}
${MORE}`,
  keys: `Usage: obsigna keys <command> [options]

Key commands:
${renderRows(KEY_COMMANDS.map(([name, text]) => [name.replace('keys ', ''), text]))}
${MORE}`,
  rules: `Usage: obsigna rules <command> [options]

Rules:
${renderRows(RULE_COMMANDS.map(([name, text]) => [name.replace('rules ', ''), text]))}
${MORE}`,
  hooks: `Usage: obsigna hooks <command> [options]

Hooks of agents:
${renderRows(HOOK_COMMANDS.map(([name, text]) => [name.replace('hooks ', ''), text]))}
${MORE}`,
  store: `Usage: obsigna store <command> [options]

Store commands:
${renderRows(STORE_COMMANDS.map(([name, text]) => [name.replace('store ', ''), text]))}
${MORE}`,
  daemon: `Usage: obsigna daemon <command> [options]

Processes:
${renderRows(DAEMON_COMMANDS.map(([name, text]) => [name.replace('daemon ', ''), text]))}
${MORE}`,
};

const list = async () => (await import('./receipt/list.ts')).listCommand;
const tail = async () => (await import('./receipt/tail.ts')).tailCommand;
const show = async () => (await import('./receipt/show.ts')).showCommand;
const daemonControl = () => import('./daemon/control.ts');
const daemonInstall = () => import('./daemon/install.ts');
const verifyEvent = async () => (await import('./receipt/verify-event.ts')).verifyEventCommand;
const doctor = async () => (await import('./doctor/doctor.ts')).doctorCommand;
const disclose = async () => (await import('./receipt/disclose.ts')).discloseCommand;
const verify = async () => (await import('./receipt/verify.ts')).verifyCommand;

const daemonVerbs = () => import('./keys/daemon-verbs.ts');
const generate = async () => (await daemonVerbs()).generateCommand;
const pubkey = async () => (await daemonVerbs()).pubkeyCommand;
const rotate = async () => (await daemonVerbs()).rotateCommand;
const listKeys = async () => (await import('./keys/list.ts')).listKeysCommand;

const hooks = () => import('./hooks/commands.ts');

const approvalAnswer = () => import('./approvals/answer.ts');

/** The tree of commands. A command's code, and the database driver, load when it is asked for. */
export const ROOT: CommandDef = defineCommand({
  meta: { name: 'obsigna' },
  subCommands: {
    receipt: defineCommand({
      meta: { name: 'receipt' },
      subCommands: { list, tail, show, disclose, verify, 'verify-event': verifyEvent },
    }),
    approvals: defineCommand({
      meta: { name: 'approvals' },
      subCommands: {
        list: async () => (await import('./approvals/list.ts')).listCommand,
        show: async () => (await import('./approvals/show.ts')).showCommand,
        approve: async () => (await approvalAnswer()).approveCommand,
        deny: async () => (await approvalAnswer()).denyCommand,
        watch: async () => (await import('./approvals/watch.ts')).watchCommand,
      },
    }),
    keys: defineCommand({
      meta: { name: 'keys' },
      subCommands: { generate, list: listKeys, pubkey, rotate },
    }),
    rules: defineCommand({
      meta: { name: 'rules' },
      subCommands: {
        check: async () => (await import('./rules/check.ts')).checkRulesCommand,
        test: async () => (await import('./rules/test.ts')).testRulesCommand,
        explain: async () => (await import('./rules/explain.ts')).explainRulesCommand,
        replay: async () => (await import('./rules/replay.ts')).replayRulesCommand,
        import: async () => (await import('./rules/import.ts')).importRulesCommand,
        schema: async () => (await import('./rules/schema.ts')).schemaRulesCommand,
      },
    }),
    hooks: defineCommand({
      meta: { name: 'hooks' },
      subCommands: {
        install: async () => (await hooks()).installHooksCommand,
        uninstall: async () => (await hooks()).uninstallHooksCommand,
      },
    }),
    store: defineCommand({
      meta: { name: 'store' },
      subCommands: {
        backup: async () => (await import('./store-commands/backup.ts')).backupCommand,
        check: async () => (await import('./store-commands/check.ts')).checkCommand,
        prune: async () => (await import('./store-commands/prune.ts')).pruneCommand,
      },
    }),
    daemon: defineCommand({
      meta: { name: 'daemon' },
      subCommands: {
        run: async () => (await import('./daemon/run.ts')).runDaemonCommand,
        start: async () => (await daemonControl()).startCommand,
        stop: async () => (await daemonControl()).stopCommand,
        status: async () => (await import('./daemon/status.ts')).statusCommand,
        reload: async () => (await daemonControl()).reloadCommand,
        roll: async () => (await daemonControl()).rollCommand,
        logs: async () => (await import('./daemon/logs.ts')).logsCommand,
        install: async () => (await daemonInstall()).installCommand,
        uninstall: async () => (await daemonInstall()).uninstallCommand,
      },
    }),
    sample: async () => (await import('./sample/sample.ts')).sampleCommand,
    completion: async () => (await import('./completion/completion.ts')).completionCommand,
    init: async () => (await import('./init/init.ts')).initCommand,
    wrap: async () => (await import('./wrap/wrap.ts')).wrapCommand,
    unwrap: async () => (await import('./wrap/unwrap.ts')).unwrapCommand,
    status: async () => (await import('./wrap/status.ts')).statusCommand,
    doctor,
    show,
    verify,
  },
});
