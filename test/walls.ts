import { builtinModules } from 'node:module';
import type { SourceFile } from './imports.ts';

/** Something an import graph must not contain, and why. */
export type Wall = {
  readonly reason: string;
  /** What in `file` breaks the wall, in words; empty when nothing does. */
  readonly breaches: (file: SourceFile, tree: ReadonlyMap<string, SourceFile>) => string[];
};

/** Which rooms a room may see besides itself. Rooms that are no program, or that start programs. */
const SEES: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  policy: ['shared'],
  emitter: ['shared'],
  proxy: ['shared', 'policy', 'emitter'],
  daemon: ['shared'],
  cli: ['shared', 'policy', 'emitter'],
};
const PROGRAMS = ['daemon', 'proxy', 'cli', 'hub', 'web'];
/** The part of shared/ that a browser runs. */
const VERIFIER_HALF = ['json', 'receipt', 'chain', 'envelope', 'merkle'].map(
  (it) => `shared/${it}`,
);
const BUILTINS = new Set(builtinModules);

export function walls(dependencies: ReadonlySet<string>): readonly Wall[] {
  return [
    {
      reason: 'imports point left (shared <- policy, emitter <- proxy, cli)',
      breaches: (file) => {
        const room = roomOf(file.path);
        const seen = SEES[room];
        if (seen === undefined) return [];
        return file.imports.filter((it) => {
          const other = roomOf(it);
          return (
            other !== room && other in SEES && !PROGRAMS.includes(other) && !seen.includes(other)
          );
        });
      },
    },
    {
      reason: 'a program is started, not imported: what two rooms need belongs in shared/',
      breaches: (file) => {
        const room = roomOf(file.path);
        if (!(room in SEES)) return [];
        return file.imports.filter((it) => roomOf(it) !== room && PROGRAMS.includes(roomOf(it)));
      },
    },
    {
      reason: 'nothing that ships may depend on test/ or bench/',
      breaches: (file) =>
        isTest(file.path)
          ? []
          : file.imports.filter((it) => ['test', 'bench'].includes(roomOf(it))),
    },
    {
      reason: 'the verifier half of shared/ runs in a browser, where no node: module exists',
      breaches: (file, tree) =>
        !isTest(file.path) && VERIFIER_HALF.some((half) => isUnder(file.path, half))
          ? pathsToNode(file, tree)
          : [],
    },
    {
      reason: 'shared/ is pure: node: and Buffer only in shared/crypto and shared/wire',
      breaches: (file) => {
        if (isTest(file.path) || !isUnder(file.path, 'shared')) return [];
        if (isUnder(file.path, 'shared/crypto') || isUnder(file.path, 'shared/wire')) return [];
        return [...file.imports.filter(isNode), ...(file.usesBuffer ? ['Buffer'] : [])];
      },
    },
    {
      reason: 'policy/ is pure: the same decision in the proxy, in a browser and in a test',
      breaches: (file) => {
        if (isTest(file.path) || !isUnder(file.path, 'policy')) return [];
        return [...file.imports.filter(isNode), ...(file.usesBuffer ? ['Buffer'] : [])];
      },
    },
    {
      reason: 'one module writes the database (daemon/store), one reads it (cli/store)',
      breaches: (file) =>
        isTest(file.path) || isUnder(file.path, 'daemon/store') || isUnder(file.path, 'cli/store')
          ? []
          : file.imports.filter((it) => packageOf(it) === 'better-sqlite3'),
    },
    {
      reason: 'foreign functions can do anything, so they stay in daemon/native',
      breaches: (file) =>
        isTest(file.path) || isUnder(file.path, 'daemon/native')
          ? []
          : file.imports.filter((it) => packageOf(it) === 'koffi'),
    },
    {
      reason: 'no SDK in the hot path: proxy and emitter handle raw bytes and start at once',
      breaches: (file) =>
        !isTest(file.path) && ['proxy', 'emitter'].includes(roomOf(file.path))
          ? file.imports.filter((it) => /^(@modelcontextprotocol\/|zod($|\/))/.test(it))
          : [],
    },
    {
      // Also inside shared/: an index that re-exports the reader would carry it past this wall.
      reason: 'only the daemon opens the signing key',
      breaches: (file) =>
        isTest(file.path) || roomOf(file.path) === 'daemon'
          ? []
          : file.imports.filter((it) => it === 'shared/crypto/private-key.ts'),
    },
    {
      reason: 'an installed package has its `dependencies` only',
      breaches: (file) =>
        !isTest(file.path) && roomOf(file.path) in SEES
          ? file.imports.filter((it) => {
              const name = packageOf(it);
              return name !== undefined && !dependencies.has(name);
            })
          : [],
    },
  ];
}

/** Every breach in the tree as one line: the file, what it does, the reason it must not. */
export function findBreaches(files: readonly SourceFile[], list: readonly Wall[]): string[] {
  const tree = new Map(files.map((file) => [file.path, file]));
  return list.flatMap(({ reason, breaches }) =>
    files.flatMap((file) =>
      breaches(file, tree).map((what) => `${file.path} uses ${what}, but ${reason}`),
    ),
  );
}

/** Chains of imports of ours that end at a node: module or at Buffer. Erased imports lead nowhere. */
function pathsToNode(start: SourceFile, tree: ReadonlyMap<string, SourceFile>): string[] {
  const found: string[] = [];
  const seen = new Set([start.path]);
  const queue: { file: SourceFile; trail: string[] }[] = [{ file: start, trail: [] }];
  for (const { file, trail } of queue) {
    const ends = [...file.loads.filter(isNode), ...(file.usesBuffer ? ['Buffer'] : [])];
    found.push(...ends.map((end) => [...trail, end].join(' -> ')));
    for (const it of file.loads) {
      const next = tree.get(it);
      if (next === undefined || seen.has(it)) continue;
      seen.add(it);
      queue.push({ file: next, trail: [...trail, it] });
    }
  }
  return found;
}

function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function isUnder(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** Unit tests stand beside the code, but nobody installs them. */
function isTest(path: string): boolean {
  return ['test', 'bench', 'scripts'].includes(roomOf(path)) || path.endsWith('.test.ts');
}

function isNode(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTINS.has(specifier);
}

/** The package of `@scope/name/file.js`; nothing for a file of ours or a Node module. */
function packageOf(specifier: string): string | undefined {
  if (isNode(specifier) || /\.(ts|mjs|json)$/.test(specifier)) return undefined;
  return /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0];
}
