// `node copier.mjs <command> [args]`: the floor of every stdio row. Starts the server and copies
// bytes both ways, as cheaply as Node can do it without looking at them.
import { spawn } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
process.stdin.pipe(server.stdin);
server.stdout.pipe(process.stdout);
server.once('close', (code) => {
  process.exitCode = code ?? 1;
});
