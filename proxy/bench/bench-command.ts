import { defaultSocketPath } from '../../emitter/default-socket.ts';
import { greetDaemon } from '../../emitter/greet-daemon.ts';
import { CodedError } from '../../shared/errors.ts';
import { parseFlags, renderFlags, type FlagSpec } from '../../shared/flags.ts';
import { parseJson } from '../../shared/json/text.ts';
import { isJsonObject, type JsonObject } from '../../shared/json/value.ts';
import { orUsage } from '../command-line.ts';
import { ServerFault, ServerSession } from '../doctor/server-session.ts';
import { errorText, greet } from '../doctor/server-probe.ts';
import { STDIO_FLAGS } from '../options.ts';
import { compare, percentile, type Comparison } from './percentiles.ts';

const DEFAULT_CALLS = 200;
const DEFAULT_ROUNDS = 5;
const WARM_UP = 20;
/** For one session, however slow the tool is. */
const SESSION_MS = 10 * 60_000;

const { name, rules, socket, 'require-receipt': requireReceipt } = STDIO_FLAGS;
const FLAGS = {
  tool: { type: 'string', placeholder: 'NAME', describe: 'tool to call', default: 'none: ping' },
  args: {
    type: 'string',
    placeholder: 'JSON',
    describe: 'its arguments, the same for every call',
    default: '{}',
  },
  calls: {
    type: 'integer',
    placeholder: 'N',
    describe: 'calls of a round',
    default: DEFAULT_CALLS,
  },
  rounds: { type: 'integer', placeholder: 'N', describe: 'rounds', default: DEFAULT_ROUNDS },
  json: { type: 'boolean', describe: 'print JSON' },
  name,
  rules,
  socket,
  'require-receipt': requireReceipt,
} as const satisfies FlagSpec;
type Flags = ReturnType<typeof parseFlags<typeof FLAGS>>['flags'];

const HELP = `Usage: mcp-proxy bench [flags] -- <server command> [args...]

Measures what the proxy costs with your server: the same calls with and without it, one at a time, in
turns. The calls are real: the tool does what it does, and every one of them is decided and recorded
as in earnest. Without -tool it sends pings, which no rule is about and no receipt tells of.

  mcp-proxy bench -tool read_file -args '{"path":"/tmp/x"}' -- npx -y @modelcontextprotocol/server-filesystem /tmp

Flags:
${renderFlags(FLAGS)}
Exit status: 0; 1 when the server or the proxy does not answer as it should; 2 for a wrong command line.
`;

/** `mcp-proxy bench`. */
export function run(args: readonly string[]): Promise<number> {
  return orUsage(HELP, async () => {
    const { flags, positionals, help } = parseFlags(FLAGS, args);
    if (help) {
      process.stdout.write(HELP);
      return 0;
    }
    if (positionals.length === 0) throw new CodedError('USAGE', 'no server command given');
    const { calls = DEFAULT_CALLS, rounds = DEFAULT_ROUNDS } = flags;
    if (calls < 1 || rounds < 1) throw new CodedError('USAGE', '-calls and -rounds begin at 1');
    const given = argumentsOf(flags.args);
    try {
      return await measure({ ...flags, calls, rounds }, positionals, given);
    } catch (error) {
      if (!(error instanceof ServerFault)) throw error;
      process.stderr.write(`mcp-proxy bench: ${error.message}\n`);
      return 1;
    }
  });
}

function argumentsOf(text = '{}'): JsonObject {
  let value;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new CodedError('USAGE', `-args is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (isJsonObject(value)) return value;
  throw new CodedError('USAGE', '-args is not an object');
}

interface Plan extends Flags {
  readonly calls: number;
  readonly rounds: number;
}

async function measure(plan: Plan, server: readonly string[], given: JsonObject): Promise<number> {
  const { calls, rounds, tool, json } = plan;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const receipts = await receiptsText(plan);
  const through = [...proxyCommand(plan), ...server];
  const direct: number[][] = [];
  const proxied: number[][] = [];
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}, ${calls} calls without and with the proxy ...`);
    direct.push(await session(server, plan, given));
    proxied.push(await session(through, plan, given));
  }
  const comparison = compare(direct, proxied);
  const what = tool === undefined ? 'ping' : `tools/call ${tool}`;
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ request: what, calls, rounds, receipts, ...comparison }, null, 2)}\n`
      : table(what, receipts, comparison),
  );
  return 0;
}

/** The proxy itself, with what it was given; what a first use would pin is not kept. */
function proxyCommand({ name: given, rules: file, socket: path, ...flags }: Flags) {
  return [
    process.execPath,
    process.argv[1] ?? '',
    ...(given === undefined ? [] : ['-name', given]),
    ...(file === undefined ? [] : ['-rules', file]),
    ...(path === undefined ? [] : ['-socket', path]),
    ...(flags['require-receipt'] === true ? ['-require-receipt'] : []),
    '-pins',
    '',
    '--',
  ];
}

/** What is said of receipts beside the figures: without a daemon they cost less. */
async function receiptsText({ socket: given, tool }: Flags): Promise<string> {
  const path = given ?? defaultSocketPath();
  if (path === '') return 'off: -socket is empty';
  const { state } = await greetDaemon(path);
  if (state === 'unreachable') return `off: nobody answers at ${path}`;
  return tool === undefined ? 'none: pings are no calls' : `on, ${path}`;
}

/** Milliseconds of each call in one session. @throws ServerFault */
async function session(
  command: readonly string[],
  { tool, calls }: Plan,
  given: JsonObject,
): Promise<number[]> {
  const server = new ServerSession(command, process.env, SESSION_MS);
  try {
    const { meta } = await greet(server);
    const carried = meta === undefined ? {} : { _meta: meta };
    // The stateless revision has no ping.
    const [method, params] =
      tool === undefined
        ? [meta === undefined ? 'ping' : 'server/discover', carried]
        : ['tools/call', { name: tool, arguments: given, ...carried }];
    const times: number[] = [];
    for (let call = -WARM_UP; call < calls; call += 1) {
      const startedAt = performance.now();
      const answer = await server.request(method, params);
      const elapsed = performance.now() - startedAt;
      const { result } = answer;
      if (!isJsonObject(result)) throw new ServerFault(`${method}: ${errorText(answer)}`);
      if (result['isError'] === true) throw new ServerFault(`${method}: the tool answers an error`);
      if (call >= 0) times.push(elapsed);
    }
    return times;
  } catch (error) {
    if (!(error instanceof ServerFault)) throw error;
    throw new ServerFault(`${command.join(' ')}: ${error.message} ${server.lastWords}`.trim());
  } finally {
    await server.end();
  }
}

function table(what: string, receipts: string, { direct, proxied, ratios }: Comparison): string {
  const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  const rows = ([50, 95, 99] as const).map((at) => {
    const { median, low, high } = ratios[`p${at}`];
    const cells = [ms(percentile(direct, at)), ms(percentile(proxied, at)), median.toFixed(2)];
    const spread = `${low.toFixed(2)} to ${high.toFixed(2)}`;
    return `p${at}  ${cells.map((cell) => cell.padStart(10)).join('')}  ${spread}`;
  });
  return [
    `${what}, one at a time; receipts ${receipts}`,
    '',
    '        without      with     ratio  of rounds',
    ...rows,
    '',
    'The ratio is the median of what each round came to: both sides of a round saw the same machine.',
    '',
  ].join('\n');
}
