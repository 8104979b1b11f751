/** A count that must not grow, and why it is what it is. */
export interface Limit {
  readonly atMost: number;
  readonly why: string;
}

const limit = (atMost: number, why: string): Limit => ({ atMost, why });

/**
 * Everything that is counted. Counts do not depend on how busy a machine is, so a red one is a change
 * of the program: lower a limit when the program does less, raise one only with the reason in the
 * commit. What a count is worth in time is for `npm run bench` to say.
 */
export const LIMITS = {
  /** One call of 1 KB at a time, answered with 1 KB, in a session that lasts. Fractions: the heap's threads. */
  proxyCall: {
    reads: limit(4.3, 'the call, its answer, and an acknowledgement each for intent and outcome'),
    writes: limit(4.3, 'the call, its answer, its intent and its outcome, each written once'),
    frames: limit(2, 'an intent and an outcome'),
    socketBytes: limit(3050, 'arguments and result, 1 KB each, stand in one frame and not in two'),
    otherBytes: limit(5, 'to server and client goes what came, and nothing else'),
  },
  /** What the proxy's own code does with the bytes of a call and its answer; shares of the message. */
  message: {
    parsesOfCall: limit(3, 'method, tool, and the arguments where rules ask about them'),
    parsedOfCall: limit(1, 'the arguments are decoded once, and the message never as a whole'),
    scannedOfCall: limit(3, 'the message, its params, and names in the arguments for the risk'),
    parsesOfAnswer: limit(0, 'an answer passes as bytes'),
    scannedOfAnswer: limit(1, 'once, for its id and the span of its result'),
    parsesOfNotification: limit(0, 'nothing in a notification is ours to judge'),
    scannedOfNotification: limit(0, 'without an id it is passed over by a search'),
  },
  /** Reports of 700 B: `alone` waits for each acknowledgement, `together` writes 64 at once. */
  daemon: {
    commitsAlone: limit(1, 'who waits for each receipt gets a commit for each, with its fsync'),
    commitsTogether: limit(4 / 64, '64 reports are one read or two, and a commit for each'),
    pagesAlone: limit(
      9,
      'the table, its indices, the index of calls: a page each, a split now and then',
    ),
    pagesTogether: limit(1, 'receipts of one commit share their pages'),
  },
  /** What is read and compiled before the first message passes; some air for mending. */
  bundleBytes: {
    'code/mcp-proxy.cjs': limit(240_000, 'approvals, pins, the built-in rules; no YAML, no SDK'),
    'code/obsigna-hook.cjs': limit(115_000, 'starts for every call: the YAML parser is apart'),
    'code/rules.cjs': limit(285_000, 'read by who has a rules file'),
    'code/obsigna-daemon.cjs': limit(635_000, 'starts once, and an emitter may wait for it'),
    'obsigna.cjs': limit(1_240_000, 'every command, each loaded when asked for'),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Limit>>>>;

/**
 * Parts of Node that a program may load until its work is done, beside those that every program has
 * loaded. Each is compiled while somebody waits. Node 20; `dgram`, `cluster` and `diagnostics_channel`
 * come with the parts that need them.
 */
export const BUILTINS = {
  'mcp-proxy': [
    'child_process',
    'dgram',
    'diagnostics_channel',
    'net',
    'stream',
    'stream/promises',
    'string_decoder',
    'vm',
  ],
  'obsigna-hook': [
    'diagnostics_channel',
    'net',
    'os',
    'stream',
    'stream/promises',
    'string_decoder',
    'vm',
  ],
  'obsigna-daemon': [
    'child_process',
    'cluster',
    'crypto',
    'dgram',
    'diagnostics_channel',
    'net',
    'os',
    'stream',
    'stream/promises',
    'string_decoder',
    'timers/promises',
    'v8',
    'vm',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;
