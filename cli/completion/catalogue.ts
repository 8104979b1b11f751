import type { CommandDef } from 'citty';
import type { FlagSpec } from '../../shared/flags.ts';
import { verbOf } from '../verb.ts';

/** One command or group as a shell has to know it. */
export interface CatalogueEntry {
  /** What stands behind `obsigna`; empty for the program itself. */
  readonly words: readonly string[];
  /** Words that may follow, with what they do. */
  readonly below: readonly (readonly [word: string, about: string])[];
  readonly flags: readonly CatalogueFlag[];
}

export interface CatalogueFlag {
  readonly name: string;
  readonly about: string;
  readonly takesValue: boolean;
}

type Loadable = CommandDef | Promise<CommandDef> | (() => CommandDef | Promise<CommandDef>);

/** Every command below `root`, read from the tables that parse the command line. */
export async function catalogue(root: CommandDef): Promise<readonly CatalogueEntry[]> {
  const entries: CatalogueEntry[] = [];
  await collect(root, [], entries);
  return entries;
}

async function collect(
  command: CommandDef,
  words: readonly string[],
  entries: CatalogueEntry[],
): Promise<void> {
  const children = Object.entries((command.subCommands ?? {}) as Record<string, Loadable>);
  const loaded = await Promise.all(
    children.map(async ([name, child]) => [name, await load(child)] as const),
  );
  const below = await Promise.all(
    loaded.map(async ([name, child]) => [name, await aboutOf(child)] as const),
  );
  entries.push({ words, below, flags: flagsOf(verbOf(command)?.spec ?? {}) });
  for (const [name, child] of loaded) await collect(child, [...words, name], entries);
}

async function load(child: Loadable): Promise<CommandDef> {
  return typeof child === 'function' ? child() : child;
}

/** A group has no words of its own; the words below it say more. */
async function aboutOf(command: CommandDef): Promise<string> {
  const about = verbOf(command)?.about;
  if (about !== undefined) return about.replace(/[.:].*$/s, '');
  return Object.keys(command.subCommands ?? {}).join(', ');
}

function flagsOf(spec: FlagSpec): readonly CatalogueFlag[] {
  return Object.entries(spec).map(([name, { describe, type }]) => ({
    name,
    about: describe,
    takesValue: type !== 'boolean',
  }));
}
