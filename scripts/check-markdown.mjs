#!/usr/bin/env node
// Every code block in our Markdown parses, and every relative link leads to something: examples
// are the first code a newcomer copies.
import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { parseAllDocuments } from 'yaml';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** From the word behind the fence to a parser that throws. Other words are prose to us. */
const PARSERS = {
  json: (text) => void JSON.parse(text),
  yaml: parseYaml,
  ts: (text) => transform(text, { loader: 'ts', logLevel: 'silent' }),
  js: (text) => transform(text, { loader: 'js', logLevel: 'silent' }),
  sh: parseShell,
};
const ALIASES = {
  typescript: 'ts',
  javascript: 'js',
  mjs: 'js',
  yml: 'yaml',
  bash: 'sh',
  shell: 'sh',
};

let blocks = 0;
let links = 0;
const faults = [];
const files = markdownFiles();
for (const file of files) await checkFile(file);

for (const { file, line, message } of faults) process.stderr.write(`${file}:${line}: ${message}\n`);
process.stderr.write(
  `${files.length} Markdown files, ${blocks} code blocks, ${links} links, ${faults.length} faults\n`,
);
process.exitCode = faults.length === 0 && files.length > 0 ? 0 : 1;

/** What git knows or would add; a source archive without .git is walked instead. */
function markdownFiles() {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.md'];
  const git = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  const found = git.status === 0 ? git.stdout.split('\0').filter(Boolean) : walk(ROOT);
  return [...new Set(found)].filter((file) => existsSync(join(ROOT, file))).sort();
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (['node_modules', 'dist', '.git'].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.name.endsWith('.md') ? [relative(ROOT, path)] : [];
  });
}

async function checkFile(file) {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  let open; // the fence we are in
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    const fence = /^(\s*)(`{3,}|~{3,})\s*([\w-]*)/.exec(text);
    if (open === undefined && fence !== null) {
      const [, indent, mark, language] = fence;
      open = { indent, mark, language: ALIASES[language] ?? language, line, body: [] };
    } else if (open !== undefined && text.trim().startsWith(open.mark) && !fence?.[3]) {
      await checkBlock(file, open);
      open = undefined;
    } else if (open !== undefined) {
      open.body.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text);
    } else {
      checkLinks(file, line, text);
    }
  }
  if (open !== undefined) faults.push({ file, line: open.line, message: 'code block never ends' });
}

async function checkBlock(file, { language, line, body }) {
  if (!Object.hasOwn(PARSERS, language)) return;
  blocks += 1;
  try {
    await PARSERS[language](body.join('\n'));
  } catch (error) {
    const first = error.errors?.[0]; // esbuild's message says "failed with 1 error", not which
    const where = first?.location ? ` (line ${line + first.location.line})` : '';
    const message = `${language} block does not parse: ${first?.text ?? error.message}${where}`;
    faults.push({ file, line, message });
  }
}

function parseYaml(text) {
  const fault = parseAllDocuments(text).flatMap((document) => document.errors)[0];
  if (fault !== undefined) throw fault;
}

function parseShell(text) {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.trim());
}

function checkLinks(file, line, text) {
  const prose = text.replace(/`[^`]*`/g, '');
  const targets = [
    ...prose.matchAll(/\]\(\s*<?([^)>\s]+)/g),
    ...prose.matchAll(/^\s*\[[^\]]+\]:\s*(\S+)/g),
  ];
  for (const [, target] of targets) {
    if (/^[a-z][a-z0-9+.-]*:|^#|^\/\//i.test(target)) continue;
    links += 1;
    const path = decodeURIComponent(target.replace(/[#?].*$/, ''));
    const base = path.startsWith('/') ? ROOT : join(ROOT, dirname(file));
    if (!existsSync(join(base, path))) {
      faults.push({ file, line, message: `link to ${target}, which does not exist` });
    }
  }
}
