import { once } from 'node:events';
import { connect } from 'node:net';
import { makeDaemonHome, startDaemon, type BenchDaemon } from '../daemon.ts';
import { endInput, type Lab } from '../lab.ts';
import { cpuNs, Unmeasurable } from '../proc.ts';
import { atMost, ratioRow, type Round } from '../row.ts';
import type { Bench } from './bench.ts';

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
const HELLO = '{"v":"1","hello":{"client":"obsigna-bench","extensions":["ack"]},"ack":0}';

interface Cost {
  readonly wallNs: number;
  readonly cpuNs: number;
}

/** From the start of a process to the moment it is of use, against a Node that does nothing. */
export const start: Bench = {
  name: 'start',
  title: 'ready after start: proxy, daemon, hook',
  run: async (lab) => {
    const proxyWall: Round[] = [];
    const proxyCpu: Round[] = [];
    const copierWall: Round[] = [];
    const daemonWall: Round[] = [];
    const daemonCpu: Round[] = [];
    const hookWall: Record<Moment, Round[]> = { before: [], after: [] };
    const home = makeDaemonHome(lab);
    const running = await startDaemon(lab); // for the proxies to connect to
    for (let i = 0; i <= lab.size(20, 80); i += 1) {
      const bare = await bareNode(lab);
      const proxy = await startOfProxy(lab, running);
      const copier = await startOfCopier(lab);
      const daemon = await startOfDaemon(lab, home);
      const before = await runOfHook(lab, running, 'before', i);
      const after = await runOfHook(lab, running, 'after', i);
      if (i === 0) continue; // reads the files from the disk
      proxyWall.push({ floor: bare.wallNs, measured: proxy.wallNs });
      proxyCpu.push({ floor: bare.cpuNs, measured: proxy.cpuNs });
      copierWall.push({ floor: bare.wallNs, measured: copier.wallNs });
      daemonWall.push({ floor: bare.wallNs, measured: daemon.wallNs });
      daemonCpu.push({ floor: bare.cpuNs, measured: daemon.cpuNs });
      hookWall.before.push({ floor: bare.wallNs, measured: before });
      hookWall.after.push({ floor: bare.wallNs, measured: after });
    }
    await running.stop();
    const spec = { basis: 'wall', unit: 'ns', floorName: 'node -e 0' } as const;
    const hasCpu = !Number.isNaN(daemonCpu[0]?.measured);
    const daemonRow = { ...spec, row: 'start to first reply, daemon', budget: atMost(1.8) };
    return [
      ratioRow(
        { ...spec, row: 'start to first message through, proxy', budget: atMost(1.25) },
        proxyWall,
        hasCpu ? { cpu: proxyCpu } : {},
      ),
      ratioRow({ ...spec, row: 'the same, byte copier' }, copierWall),
      hasCpu
        ? ratioRow({ ...daemonRow, basis: 'cpu' }, daemonCpu, { wall: daemonWall })
        : ratioRow(daemonRow, daemonWall),
      ratioRow(
        { ...spec, row: 'whole run of the hook, before a call', budget: atMost(1.4) },
        hookWall.before,
      ),
      ratioRow(
        { ...spec, row: 'whole run of the hook, after it', budget: atMost(1.4) },
        hookWall.after,
      ),
    ];
  },
};

type Moment = 'before' | 'after';

/** As an agent waits for it: from the start to the exit code, with the daemon's acknowledgement. */
async function runOfHook(
  lab: Lab,
  daemon: BenchDaemon,
  moment: Moment,
  round: number,
): Promise<number> {
  const event = {
    hook_event_name: moment === 'before' ? 'PreToolUse' : 'PostToolUse',
    session_id: 'bench',
    tool_name: 'Bash',
    tool_input: { command: 'ls -l' },
    tool_use_id: `call-${round}`,
    ...(moment === 'after' && { tool_response: { stdout: 'a\nb\n' } }),
  };
  const flags = ['-agent', 'claude-code', '-socket', daemon.socket];
  const startNs = process.hrtime.bigint();
  const child = lab.spawnPiped([...lab.program('obsigna-hook'), ...flags]);
  child.stdin.end(JSON.stringify(event));
  const [code] = (await once(child, 'exit')) as [number | null];
  const wallNs = Number(process.hrtime.bigint() - startNs);
  if (code !== 0) throw new Error(`the hook ended with ${code}`);
  return wallNs;
}

/** Tells its own CPU time as the last thing it does: what a dead process used nobody else knows. */
export async function bareNode(lab: Lab): Promise<Cost> {
  const script = "require('fs').writeSync(1, JSON.stringify(process.cpuUsage()))";
  const startNs = process.hrtime.bigint();
  const child = lab.spawnPiped(['-e', script]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'exit');
  const wallNs = Number(process.hrtime.bigint() - startNs);
  if (text === '') await once(child, 'close');
  const { user, system } = JSON.parse(text) as NodeJS.CpuUsage;
  return { wallNs, cpuNs: (user + system) * 1000 };
}

export function startOfProxy(lab: Lab, daemon: BenchDaemon): Promise<Cost> {
  const program = lab.program('mcp-proxy');
  const flags = ['-name', 'cat', '-pins', lab.folder, '-socket', daemon.socket];
  return throughCat(lab, [...program, ...flags, '--', 'cat']);
}

function startOfCopier(lab: Lab): Promise<Cost> {
  return throughCat(lab, [lab.script('copier.mjs'), 'cat']);
}

/** The message waits in the pipe before anybody reads it; `cat` sends back what gets through. */
async function throughCat(lab: Lab, args: readonly string[]): Promise<Cost> {
  const startNs = process.hrtime.bigint();
  const child = lab.spawnPiped(args);
  child.stdin.write(PING);
  await once(child.stdout, 'data');
  const wallNs = Number(process.hrtime.bigint() - startNs);
  const cost = { wallNs, cpuNs: cpuOrNaN(child.pid) };
  await endInput(child);
  return cost;
}

async function startOfDaemon(lab: Lab, home: Parameters<typeof startDaemon>[1]): Promise<Cost> {
  const startNs = process.hrtime.bigint();
  const daemon = await startDaemon(lab, home);
  const socket = connect(daemon.socket);
  const frame = Buffer.alloc(4 + HELLO.length);
  frame.writeUInt32BE(HELLO.length);
  frame.write(HELLO, 4);
  socket.write(frame);
  await once(socket, 'data');
  const wallNs = Number(process.hrtime.bigint() - startNs);
  const cost = { wallNs, cpuNs: cpuOrNaN(daemon.child.pid) };
  socket.destroy();
  await daemon.stop();
  return cost;
}

function cpuOrNaN(pid: number): number {
  try {
    return cpuNs(pid);
  } catch (error) {
    if (error instanceof Unmeasurable) return Number.NaN;
    throw error;
  }
}
