#!/usr/bin/env node
// sources -> dist/: one CommonJS bundle per program, the emitter as an ES module with its types.
import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inputDigest, STAMP, whyBuild } from './build-inputs.mjs';
import { SetupError } from './setup-error.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const PROGRAMS = [
  { entry: 'cli/main.ts', out: 'dist/obsigna.cjs' },
  { entry: 'daemon/main.ts', out: 'dist/code/obsigna-daemon.cjs' },
  { entry: 'proxy/main.ts', out: 'dist/code/mcp-proxy.cjs' },
  { entry: 'proxy/hook/main.ts', out: 'dist/code/obsigna-hook.cjs' },
  // Not programs: the parts of proxy and hook that most starts do without.
  { entry: 'policy/load-rules.ts', out: 'dist/code/rules.cjs' },
  { entry: 'proxy/commands.ts', out: 'dist/code/mcp-proxy-commands.cjs' },
  { entry: 'proxy/remote/open-remote.ts', out: 'dist/code/mcp-proxy-remote.cjs' },
];
const LAUNCHED_FOLDER = 'dist/code/';
/** Flags of the daemon with which it does one thing and ends. */
const DAEMON_ACTIONS = [
  'h',
  'help',
  'init',
  'init-forensic-key',
  'init-if-missing',
  'print-config',
  'print-public-key',
  'protocol-version',
  'prune-before',
  'rotate',
  'status',
  'version',
];
/**
 * Programs that somebody waits for, with what they load, and the words behind which they do other work
 * than usual: what V8 has compiled then is of no use to the next start.
 */
const LAUNCHED = [
  {
    out: 'dist/mcp-proxy.cjs',
    late: ['node:crypto', 'node:os'],
    files: ['mcp-proxy.cjs', 'rules.cjs', 'mcp-proxy-commands.cjs', 'mcp-proxy-remote.cjs'],
    otherWork: [
      'serve-http',
      'bench',
      'doctor',
      'init',
      'pins',
      'rules',
      '--version',
      '-version',
      '-h',
      '--help',
      '-help',
    ],
  },
  {
    out: 'dist/obsigna-hook.cjs',
    late: ['node:crypto', 'node:os'],
    files: ['obsigna-hook.cjs', 'rules.cjs'],
    otherWork: ['--version', '-version', '-h', '--help', '-help'],
  },
  {
    out: 'dist/obsigna-daemon.cjs',
    files: ['obsigna-daemon.cjs'],
    otherWork: DAEMON_ACTIONS.flatMap((name) => [`-${name}`, `--${name}`]),
  },
];
const LIBRARY = { entry: 'emitter/index.ts', out: 'dist/emitter.js' };
const LICENCES = 'dist/THIRD-PARTY-LICENSES.txt';

/** Compiled for each machine, so they cannot be in a bundle. */
const NATIVE = ['better-sqlite3', 'koffi'];

/**
 * Every agent waits for a proxy to start, and before each of its calls for the hook: to read the YAML
 * parser, for one, would be a third of that. What an `import()` of an entry above brings is therefore
 * a file of its own, with its own copy of what both use: only data and interfaces pass between them.
 */
const LATE_PARTS_APART = {
  name: 'late-parts-apart',
  setup: (esbuild) =>
    esbuild.onResolve({ filter: /\.ts$/ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const entry = relative(esbuild.initialOptions.absWorkingDir, resolve(resolveDir, path));
      const part = PROGRAMS.find((program) => program.entry === entry);
      return part && { path: `./${basename(part.out)}`, external: true };
    }),
};
const SQLITE_ADDON = 'better-sqlite3/build/Release/better_sqlite3.node';
/**
 * better-sqlite3 is fifteen small files around a native one, and to find and compile those is as much
 * as to load that: in a program that is launched, only the native one stays where it was installed.
 */
const SQLITE_INSIDE = {
  name: 'sqlite-inside',
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /^bindings$/ }, ({ path }) => ({ path, namespace: 'addon' }));
    esbuild.onLoad({ filter: /./, namespace: 'addon' }, () => ({
      contents: `module.exports = () => require('${SQLITE_ADDON}')`,
      resolveDir: ROOT,
    }));
  },
};
const LAUNCHED_OPTIONS = {
  minifyWhitespace: true,
  external: ['koffi', SQLITE_ADDON],
  plugins: [LATE_PARTS_APART, SQLITE_INSIDE],
  // Nobody needs it here, and a start would wait for it.
  logOverride: { 'empty-import-meta': 'error' },
  // What the launcher calls.
  banner: { js: '(function(exports,require,module,__filename,__dirname){' },
  footer: { js: '})' },
};

/**
 * Brings dist/ up to date. Throws {@link SetupError} when a source is missing or does not build.
 *
 * @param options.force - Build even when nothing changed.
 * @param options.sourcemap - Add source maps, for a profiler. Off: a program a user starts should
 *   be small, and its stack traces already name functions.
 */
export async function build(root = ROOT, { force = false, sourcemap = false } = {}) {
  if (!force && (await whyBuild(root)) === undefined) return;
  const missing = [...PROGRAMS, LIBRARY].filter(({ entry }) => !existsSync(join(root, entry)));
  if (missing.length > 0) {
    const list = missing.map(({ entry, out }) => `${entry} (for ${out})`).join(', ');
    throw new SetupError(`cannot build: no such entry point: ${list}`, 'restore the missing files');
  }
  const startedAt = Date.now();
  const digest = inputDigest(root); // before reading: an edit while we build must count as new
  rmSync(join(root, STAMP), { force: true });
  mkdirSync(join(root, 'dist/code'), { recursive: true });
  rmSync(join(root, 'dist/cache'), { recursive: true, force: true });
  const metafiles = await bundleAll(root, sourcemap);
  for (const launched of LAUNCHED) writeLauncher(root, launched);
  removeStrangers(join(root, LAUNCHED_FOLDER));
  emitTypes(root);
  writeFileSync(join(root, LICENCES), thirdPartyLicences(root, metafiles));
  writeFileSync(join(root, STAMP), `${digest}\n`);
  process.stderr.write(
    `obsigna: built dist/ in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`,
  );
}

async function bundleAll(root, sourcemap) {
  const esbuild = await import('esbuild');
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: NATIVE,
    treeShaking: true,
    legalComments: 'none', // whole licence texts are written instead
    charset: 'ascii', // half the memory, and V8 reads it fastest
    sourcemap: sourcemap ? 'linked' : false,
    metafile: true,
    write: false,
    logLevel: 'silent',
  };
  const program = {
    format: 'cjs',
    // As `require`: the other loader of Node would be loaded for it first.
    supported: { 'dynamic-import': false },
  };
  const all = [
    ...PROGRAMS.map((target) => ({
      ...target,
      ...program,
      ...(target.out.startsWith(LAUNCHED_FOLDER)
        ? LAUNCHED_OPTIONS
        : {
            banner: { js: '#!/usr/bin/env node' },
            define: { 'import.meta.url': 'importMetaUrl' },
            inject: [join(root, 'scripts/import-meta-url.mjs')],
          }),
    })),
    { ...LIBRARY, format: 'esm' },
  ];
  return Promise.all(
    all.map(async ({ entry, out, ...options }) => {
      const result = await esbuild
        .build({ ...common, ...options, entryPoints: [entry], outfile: out })
        .catch(async (error) => {
          throw await buildError(esbuild, entry, error);
        });
      for (const { path, contents } of result.outputFiles) replaceFile(path, contents);
      return result.metafile;
    }),
  );
}

/** The file that is started: it knows by digest what it is to load. */
function writeLauncher(root, { out, files, otherWork, late = [] }) {
  const digests = files.map((name) => {
    const bytes = readFileSync(join(root, 'dist/code', name));
    return [name, createHash('sha256').update(bytes).digest('hex').slice(0, 16)];
  });
  const text = readFileSync(join(root, 'scripts/launcher.cjs'), 'utf8')
    .replace('{ FILES: 0 }', JSON.stringify(Object.fromEntries(digests)))
    .replace("['OTHER_WORK']", JSON.stringify(otherWork))
    .replace("['LATE']", JSON.stringify(late))
    .replace("'MAIN'", JSON.stringify(files[0]));
  replaceFile(join(root, out), text);
}

async function buildError(esbuild, entry, error) {
  const lines = await esbuild.formatMessages(error.errors ?? [], { kind: 'error', color: false });
  const text = lines.length > 0 ? lines.join('') : String(error);
  return new SetupError(
    `cannot build ${entry}\n${text.trimEnd()}`,
    'correct the place shown above',
  );
}

/** Parts of an earlier build: a package has the whole folder. */
function removeStrangers(folder) {
  const ours = new Set(PROGRAMS.map(({ out }) => basename(out)));
  const parts = readdirSync(folder).filter((name) => name.endsWith('.cjs'));
  for (const name of parts) if (!ours.has(name)) rmSync(join(folder, name));
}

/** By rename: a daemon or proxy that starts while we build gets the old file or the new one. */
function replaceFile(path, contents) {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  chmodSync(temporary, path.endsWith('.cjs') ? 0o755 : 0o644);
  renameSync(temporary, path);
}

function emitTypes(root) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  rmSync(join(root, 'dist/types'), { recursive: true, force: true });
  const args = [tsc, '-p', 'tsconfig.emitter.json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  const text = `cannot write the types of emitter/index.ts\n${(stdout + stderr).trimEnd()}`;
  throw new SetupError(text, 'correct the place shown above');
}

/** The licence text of every package that is inside a bundle, as those licences ask. */
function thirdPartyLicences(root, metafiles) {
  const packages = new Set();
  for (const path of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path);
    if (name !== null) packages.add(path.slice(0, name.index + name[0].length - 1));
  }
  const texts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    );
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new SetupError(`${name} has no licence file`, 'do not bundle it');
    return `${name} ${version} (${license})\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
  });
  const head = 'The programs in this folder contain code of these packages.\n';
  return [head, ...texts].join(`\n${'-'.repeat(80)}\n\n`);
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  // The packages first, then the build itself with the options given.
  const { prepare } = await import('./prepare.mjs');
  await prepare({ build: false });
  const sourcemap = process.argv.includes('--sourcemap');
  const force = process.argv.includes('--force') || sourcemap;
  await build(ROOT, { force, sourcemap }).catch((error) => {
    const expected = error instanceof SetupError;
    const remedy = expected ? `\n  remedy: ${error.remedy}` : '';
    process.stderr.write(`obsigna: ${expected ? error.message : error.stack}${remedy}\n`);
    process.exit(1);
  });
}
