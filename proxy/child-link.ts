import type { Writable } from 'node:stream';
import { hasExited, signalServer, type ServerProcess } from './child.ts';
import type { ServerExit, ServerLink } from './server-link.ts';

/** After the server's exit its children may still hold its output; we wait this long for silence. */
const LINGER_MS = 1000;

/** A server that is a process of ours. */
export function childLink(child: ServerProcess): ServerLink {
  return {
    input: child.stdin,
    output: child.stdout,
    signal: (signal) => {
      signalServer(child, signal);
      // Whoever still holds the output of a server that has ended is waited for no longer.
      if (hasExited(child)) child.stdout.destroy();
    },
    ended: (reader) => ended(child, reader),
  };
}

/** Resolves when the server has ended and its output is read, or is held open by somebody else. */
function ended(child: ServerProcess, reader: Writable): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const finish = () => {
        clearTimeout(timer);
        child.stdout.off('data', restart);
        child.stdout.destroy();
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        resolve({ code, signal, reason: `the server ended (${how})` });
      };
      const restart = () => timer.refresh();
      // Silence because the client does not read is no silence of the server.
      const check = () => (reader.writableNeedDrain ? restart() : finish());
      const timer = setTimeout(check, LINGER_MS);
      child.stdout.on('data', restart);
      child.once('close', finish);
    });
  });
}
