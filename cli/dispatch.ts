import { runCommand, type CommandDef } from 'citty';
import { VERSION } from '../shared/version.ts';
import type { Cli, ExitCode } from './cli.ts';
import { ROOT, USAGES } from './commands.ts';
import { printable } from './terminal.ts';

const HELP = ['-h', '-help', '--help', 'help'];
const VERSIONS = ['-version', '--version', 'version'];

/** Runs the command that the arguments name, or explains what there is. */
export async function dispatch(args: readonly string[], cli: Cli): Promise<ExitCode> {
  const [first, ...rest] = args;
  if (first === 'help' && rest.length > 0) return walk([...rest, '-h'], cli);
  if (first !== undefined && VERSIONS.includes(first)) {
    cli.out.write(`obsigna ${VERSION}\n`);
    cli.out.flush();
    return 0;
  }
  return walk(args, cli);
}

async function walk(args: readonly string[], cli: Cli): Promise<ExitCode> {
  let command: CommandDef = ROOT;
  const path: string[] = [];
  for (;;) {
    const below = await resolve(command.subCommands);
    const name = args[path.length];
    if (below === undefined) {
      const run = await runCommand(command, { rawArgs: args.slice(path.length), data: cli });
      return run.result as ExitCode;
    }
    const group = path.join(' ');
    const usage = USAGES[group] ?? '';
    if (name === undefined) {
      cli.say.log(usage.trimEnd());
      return 2;
    }
    if (HELP.includes(name)) {
      cli.out.write(usage);
      cli.out.flush();
      return 0;
    }
    const next = Object.hasOwn(below, name) ? await resolve(below[name]) : undefined;
    if (next === undefined) {
      const what =
        group === '' ? 'obsigna: unknown command' : `obsigna ${group}: unknown subcommand`;
      cli.say.log(`${what} "${printable(name)}"\n\n${usage.trimEnd()}`);
      return 2;
    }
    command = next;
    path.push(name);
  }
}

type Resolvable<T> = T | Promise<T> | (() => T) | (() => Promise<T>);

async function resolve<T extends object>(value: Resolvable<T> | undefined): Promise<T | undefined> {
  return typeof value === 'function' ? (value as () => T | Promise<T>)() : value;
}
