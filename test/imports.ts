import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What one source file shows to the walls. */
export type SourceFile = {
  /** From the root of the clone, with slashes. */
  readonly path: string;
  /** Every import, also those that the compiler erases. A file of ours is named by its path. */
  readonly imports: readonly string[];
  /** Those of them that load something at run time. */
  readonly loads: readonly string[];
  readonly usesBuffer: boolean;
};

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** Paths of all files under `folder` with one of these endings, in order. */
export function listFiles(folder: string, endings: readonly string[]): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (SKIPPED.has(entry.name)) return [];
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(path, endings);
      return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : [];
    });
}

export async function scanTree(): Promise<SourceFile[]> {
  const paths = listFiles('.', ['.ts', '.mjs']);
  return Promise.all(paths.map((path) => scanSource(path, readFileSync(join(ROOT, path), 'utf8'))));
}

/** Reads one file's imports with esbuild's parser, so that comments and texts cannot mislead us. */
export async function scanSource(path: string, text: string): Promise<SourceFile> {
  // esbuild forgets type-only imports; a wall must see them too, so they become ordinary ones.
  const untyped = text
    .replace(/\bimport\s+type\s+(?=[\w${*])/g, 'import ')
    .replace(/\bexport\s+type\s+(?=[{*])/g, 'export ');
  const all = await parse(path, untyped);
  const kept = await parse(path, text);
  return { path, imports: all.imports, loads: kept.imports, usesBuffer: kept.usesBuffer };
}

async function parse(path: string, contents: string) {
  const imports = new Set<string>();
  const result = await build({
    stdin: { contents, loader: path.endsWith('.ts') ? 'ts' : 'js', sourcefile: path },
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'silent',
    // `define` replaces the global only, not a word in a text or a local of the same name.
    define: { Buffer: 'GLOBAL_BUFFER', 'globalThis.Buffer': 'GLOBAL_BUFFER' },
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    treeShaking: false,
    plugins: [
      {
        name: 'record-imports',
        setup(bundle) {
          bundle.onResolve({ filter: /.*/ }, ({ path: specifier, kind }) => {
            if (kind !== 'entry-point') imports.add(target(path, specifier));
            return { path: specifier, external: true };
          });
        },
      },
    ],
  });
  const code = result.outputFiles[0]?.text ?? '';
  return { imports: [...imports], usesBuffer: code.includes('GLOBAL_BUFFER') };
}

function target(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.join(posix.dirname(path), specifier);
}
