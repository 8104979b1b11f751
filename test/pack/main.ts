// `npm run first-receipt`: packs, installs as a user does, and says how long it takes until a receipt
// is verified.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstReceipt } from './first-receipt.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const say = (text: string) => process.stderr.write(`${text.trimEnd()}\n`);
const { seconds, tools } = await firstReceipt({ root, compile: true, say });
say(`receipts of ${tools.join(', ')} verify`);
process.stdout.write(`${seconds.toFixed(1)} s from npm install to a verified receipt\n`);
