import { createCli } from './cli.ts';
import { dispatch } from './dispatch.ts';
import { reportFailure } from './failure.ts';

async function main(): Promise<void> {
  const cli = createCli();
  try {
    process.exitCode = await dispatch(process.argv.slice(2), cli);
  } catch (error) {
    process.exitCode = reportFailure(cli, 'obsigna', error);
  }
}

// Nothing can be caught here that could still be told.
void main();
