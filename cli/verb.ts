import { defineCommand, type CommandDef } from 'citty';
import { CodedError } from '../shared/errors.ts';
import {
  parseFlags,
  readFlagEnvironment,
  renderFlags,
  type FlagSpec,
  type FlagValues,
} from '../shared/flags.ts';
import type { Cli, ExitCode } from './cli.ts';
import { reportFailure } from './failure.ts';

/** One command that does something: its words for people, its flags, and the work. */
export interface Verb<S extends FlagSpec> {
  /** As it is typed behind `obsigna`: `receipt list`. */
  readonly name: string;
  readonly operands: readonly string[];
  readonly about: string;
  readonly spec: S;
  /** What stands under the options in help: examples, exit codes. */
  readonly notes: string;
  /** A CodedError that it throws is reported; it returns the exit code. */
  run(input: VerbInput<S>, cli: Cli): ExitCode | Promise<ExitCode>;
}

export interface VerbInput<S extends FlagSpec> {
  /** Flags, and where none was given the environment. Defaults are not filled in. */
  readonly flags: FlagValues<S>;
  readonly operands: readonly string[];
}

/** A command for the tree. Arguments are parsed by our own rules; the result is the exit code. */
export function defineVerb<const S extends FlagSpec>(verb: Verb<S>): CommandDef {
  const command = defineCommand({
    meta: { name: verb.name, description: verb.about },
    run: ({ rawArgs, data }) => runVerb(verb, rawArgs, data as Cli),
  });
  VERBS.set(command, verb);
  return command;
}

type VerbWords = Pick<Verb<FlagSpec>, 'name' | 'operands' | 'about' | 'spec'>;
const VERBS = new WeakMap<CommandDef, VerbWords>();

/** What is known of a command that was made here; undefined for a group. */
export function verbOf(command: CommandDef): VerbWords | undefined {
  return VERBS.get(command);
}

async function runVerb<S extends FlagSpec>(
  verb: Verb<S>,
  args: readonly string[],
  cli: Cli,
): Promise<ExitCode> {
  try {
    const parsed = parseFlags(verb.spec, args, { interspersed: true });
    if (parsed.help) {
      cli.out.write(helpOf(verb));
      cli.out.flush();
      return 0;
    }
    const extra = parsed.positionals[verb.operands.length];
    if (extra !== undefined) {
      throw new CodedError('USAGE', `unexpected argument ${JSON.stringify(extra)}`);
    }
    const environment = readFlagEnvironment(verb.spec, cli.env);
    const given = Object.entries(parsed.flags).filter(([, value]) => value !== undefined);
    const flags = { ...environment, ...Object.fromEntries(given) } as FlagValues<S>;
    const code = await verb.run({ flags, operands: parsed.positionals }, cli);
    cli.out.flush();
    return code;
  } catch (error) {
    // What was found before the fault is shown before the fault.
    return flushed(cli) ? reportFailure(cli, `obsigna ${verb.name}`, error) : 0;
  }
}

function flushed(cli: Cli): boolean {
  try {
    cli.out.flush();
    return true;
  } catch {
    return false;
  }
}

function helpOf<S extends FlagSpec>(verb: Verb<S>): string {
  const usage = ['Usage: obsigna', verb.name, ...verb.operands, '[options]'].join(' ');
  return `${usage}\n\n${verb.about}\n\nOptions:\n${renderFlags(verb.spec)}\n${verb.notes}`;
}
