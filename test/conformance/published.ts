import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The vectors, schemas and examples that the protocol publishes. They are not part of this
 * repository: `OBSIGNA_CONFORMANCE` names the folder, by default one beside the checkout.
 */
const FOLDER = process.env['OBSIGNA_CONFORMANCE'] ?? join(ROOT, '../shared/conformance');

export const hasPublished = existsSync(join(FOLDER, 'canonicalization'));

if (!hasPublished) {
  process.stderr.write(
    `conformance: no folder ${FOLDER}, its tests are skipped (OBSIGNA_CONFORMANCE)\n`,
  );
}

/** For the name of a block that is skipped: says why, and how to run it. */
export const AVAILABILITY = hasPublished
  ? 'published data'
  : `published data (skipped: no folder ${FOLDER}; set OBSIGNA_CONFORMANCE)`;

export function readPublishedText(path: string): string {
  return readFileSync(join(FOLDER, path), 'utf8');
}

/** `fallback` stands for the data while the folder is absent, so that tables can still be built. */
export function readPublished<T>(path: string, fallback: T): T {
  return hasPublished ? (JSON.parse(readPublishedText(path)) as T) : fallback;
}

export function listPublished(folder: string): string[] {
  if (!hasPublished) return [];
  return readdirSync(join(FOLDER, folder))
    .toSorted()
    .map((name) => `${folder}/${name}`);
}
