import { CodedError } from '../shared/errors.ts';

/**
 * Runs a command of ours; a mistake on its command line shows its help and ends with 2. Other faults
 * are the caller's.
 */
export async function orUsage(help: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'USAGE') throw error;
    process.stderr.write(`mcp-proxy: ${error.message}\n\n${help}`);
    return 2;
  }
}
