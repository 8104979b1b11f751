// A CommonJS bundle has no import.meta. esbuild puts this constant in its place, so that the same
// `createRequire(import.meta.url)` runs from the sources and from dist/.
import { pathToFileURL } from 'node:url';

export const importMetaUrl = pathToFileURL(__filename).href;
