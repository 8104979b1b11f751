import {
  spawn,
  spawnSync,
  type ChildProcess,
  type SpawnOptions,
  type StdioOptions,
} from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Unmeasurable } from './proc.ts';

export type Child = ChildProcess & { readonly pid: number };
export type PipedChild = Child & { readonly stdin: Writable; readonly stdout: Readable };

export type Program = 'mcp-proxy' | 'obsigna' | 'obsigna-daemon' | 'obsigna-hook';

const PROGRAMS: readonly Program[] = ['mcp-proxy', 'obsigna', 'obsigna-daemon', 'obsigna-hook'];

/**
 * Where a run happens: a temporary folder, the programs as they were when it began, and every child
 * that it started. `close` ends and removes all of it, whatever went wrong before.
 */
export class Lab {
  /** True for the long form. */
  readonly isFull: boolean;
  readonly root: string;
  readonly folder: string;
  readonly #programs: string;
  readonly #profileFolder: string | undefined;
  #nextProfile = 0;
  readonly #children = new Set<Child>();
  readonly #complaints = new WeakMap<ChildProcess, string>();
  readonly #shared = new Map<string, Promise<unknown>>();
  #nextFolder = 0;

  /** @param profileFolder - Where our programs leave a CPU profile each; figures suffer. */
  constructor(root: string, isFull: boolean, profileFolder?: string) {
    this.#profileFolder = profileFolder;
    this.root = root;
    this.isFull = isFull;
    this.folder = mkdtempSync(join(tmpdir(), 'obsigna-bench-'));
    // Copies: a build during the run would change what is measured. Inside the clone, so that
    // native packages are found the way an installed program finds them.
    this.#programs = join(root, 'dist', `bench-${process.pid}`);
    mkdirSync(this.#programs, { recursive: true });
    cpSync(join(root, 'dist/code'), join(this.#programs, 'code'), { recursive: true });
    for (const name of PROGRAMS) {
      const file = join(root, 'dist', `${name}.cjs`);
      if (existsSync(file)) copyFileSync(file, join(this.#programs, `${name}.cjs`));
    }
  }

  /** Picks the short form's number or the long one's. */
  size(short: number, full: number): number {
    return this.isFull ? full : short;
  }

  /**
   * The arguments of `node` that start a program.
   *
   * @throws Unmeasurable when this clone does not build that program
   */
  program(name: Program): readonly string[] {
    const path = join(this.#programs, `${name}.cjs`);
    if (!existsSync(path)) throw new Unmeasurable(`dist/${name}.cjs does not exist`);
    if (this.#profileFolder === undefined) return [path];
    const file = `${name}.${String(this.#nextProfile).padStart(3, '0')}.cpuprofile`;
    this.#nextProfile += 1;
    return ['--cpu-prof', `--cpu-prof-dir=${this.#profileFolder}`, `--cpu-prof-name=${file}`, path];
  }

  /** Compiled code that earlier starts have kept: without it the next start is the first one. */
  forgetCompiledCode(): void {
    rmSync(join(this.#programs, 'cache'), { recursive: true, force: true });
  }

  script(name: string): string {
    return join(this.root, 'bench', name);
  }

  newFolder(): string {
    this.#nextFolder += 1;
    const path = join(this.folder, String(this.#nextFolder));
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /** Made once in a run and used by several rows, such as a store that takes a while to fill. */
  shared<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#shared.get(name) ?? make();
    this.#shared.set(name, made);
    return made as Promise<T>;
  }

  spawn(args: readonly string[], stdio: StdioOptions, env = cleanEnvironment()): Child {
    return this.#start([process.execPath, ...args], { stdio, env, cwd: this.folder });
  }

  /** A child that is spoken to through pipes, by its whole command line. */
  spawnCommand(command: readonly string[]): PipedChild {
    const options = { env: cleanEnvironment(), cwd: this.folder };
    return this.#start(command, { ...options, stdio: 'pipe' }) as PipedChild;
  }

  /**
   * Somebody else's program, by a command line of the shell, in the folder of whoever typed it.
   */
  spawnShell(command: string, args: readonly string[], env = cleanEnvironment()): PipedChild {
    const child = this.#start(['/bin/sh', '-c', command, 'sh', ...args], {
      stdio: 'pipe',
      env,
      cwd: process.env['INIT_CWD'] ?? this.root,
    });
    return child as PipedChild;
  }

  /** The last words of a child on its standard error, if that is a pipe. */
  complaintOf(child: Child): string {
    return this.#complaints.get(child)?.trim() ?? '';
  }

  #start([file = '', ...args]: readonly string[], options: SpawnOptions): Child {
    const child = spawn(file, args, options);
    child.on('error', () => undefined); // said here, or shows in the exit
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaints.set(child, ((this.#complaints.get(child) ?? '') + chunk).slice(-1000));
    });
    if (child.pid === undefined) throw new Error(`cannot start ${file} ${args.join(' ')}`);
    this.#children.add(child as Child);
    child.once('exit', () => this.#children.delete(child as Child));
    return child as Child;
  }

  /** A child that is spoken to through pipes; see {@link complaintOf} for its standard error. */
  spawnPiped(args: readonly string[], env?: NodeJS.ProcessEnv): PipedChild {
    return this.spawn(args, 'pipe', env) as PipedChild;
  }

  run(args: readonly string[], env = cleanEnvironment()): void {
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => once(child, 'exit'));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.race([Promise.all(ended), sleep(2000, undefined, { ref: false })]);
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.#programs, { recursive: true, force: true });
  }
}

/** What is set here for the person at the terminal must not reach what is measured. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  return { PATH, HOME, LANG };
}

/** Ends a child that ends when its input does. */
export async function endInput(child: PipedChild): Promise<void> {
  const exited = child.exitCode === null ? once(child, 'exit') : undefined;
  child.stdin.end();
  await exited;
}

/** A helper process that answers JSON lines with JSON lines, one at a time. */
export class Helper {
  readonly child: PipedChild;
  readonly #answers: AsyncIterator<string>;

  constructor(lab: Lab, script: string, args: readonly string[] = []) {
    const command = [lab.script(script), ...args];
    this.child = lab.spawn(command, ['pipe', 'pipe', 'inherit']) as PipedChild;
    const lines = createInterface({ input: this.child.stdout });
    this.#answers = lines[Symbol.asyncIterator]();
  }

  async ask<T>(request: Readonly<Record<string, unknown>>): Promise<T> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('a helper process ended early; its error stands above');
    return JSON.parse(value) as T;
  }

  end(): Promise<void> {
    return endInput(this.child);
  }
}

/** What the measured side of `floors.mjs` and of `emitters.mjs` answers. */
export interface SealAnswer {
  readonly wallNs: number;
  readonly cpuNs: number;
}

export interface DurableAnswer {
  readonly latenciesNs: readonly number[];
}

export interface LoadAnswer {
  readonly wallNs: number;
  readonly latenciesNs?: readonly number[];
}
