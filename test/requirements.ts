/**
 * The specified behaviours, one per line. A test shows one by citing its id in square brackets in
 * its name or in a comment beside it, such as `[P3.batch]`; `test/requirements.test.ts` fails for
 * an id that nobody cites and for a citation that is not listed here.
 *
 * The letter is the owner of the behaviour: P1 to P8 the promises of the product, S the protocol
 * in shared/, D daemon, E emitter, R rules, X proxy, C command line, H hooks of agents, B build and repository, F faults
 * of the reference.
 */
export type Requirement = {
  readonly id: string;
  readonly text: string;
  /** Where the behaviour is specified: a document of ours, of the protocol, or an RFC. */
  readonly source: string;
  /** Not shown yet, and what it waits for. A cited id must not have one. */
  readonly gap?: string;
};

export const REQUIREMENTS: readonly Requirement[] = [
  // -- P1 Nothing is lost in silence --
  {
    id: 'P1.sigkill-acked',
    text: 'the daemon killed at random moments loses no acknowledged receipt and stores none twice',
    source: 'SECURITY.md, "What is promised"',
  },
  {
    id: 'P1.outcome-frame',
    text: 'every mediated call that ends is reported by exactly one frame, stopped calls included',
    source: 'docs/adr/0003',
  },
  {
    id: 'P1.drop-count',
    text: 'frames dropped while the daemon was away become one events_dropped receipt next to the first live one',
    source: 'Agent Receipts 0.5.0, events_dropped',
  },
  {
    id: 'P1.gapless',
    text: 'sequences of a chain have no gap after a crash and a restart',
    source: 'Agent Receipts 0.5.0, chain.sequence',
  },
  {
    id: 'P1.coverage',
    text: 'verify says how complete the record is: calls, unknown outcomes, drops, down time and its causes',
    source: 'docs/adr/0020',
  },
  {
    id: 'P1.missing-calls',
    text: 'verify names the numbers of calls that are neither recorded nor counted as dropped, and counts a call once',
    source: 'docs/adr/0019',
  },
  {
    id: 'P1.intent',
    text: 'a call whose outcome nobody saw is recorded as pending with the reason',
    source: 'docs/adr/0019',
  },
  {
    id: 'P1.power-cut',
    text: 'acknowledged receipts and intents survive when un-synced writes are lost with the power',
    source: 'docs/adr/0005',
  },
  {
    id: 'P1.once',
    text: 'what an emitter tells twice is recorded once, also across a crash of the daemon',
    source: 'docs/adr/0019',
  },
  {
    id: 'P1.intent-first',
    text: 'a call is announced before a byte of it leaves for the server',
    source: 'docs/adr/0019',
  },
  {
    id: 'P1.oversize',
    text: 'a payload over the frame limit is reported by its hash and size',
    source: 'docs/adr/0003',
  },
  {
    id: 'P1.require-receipt',
    text: '-require-receipt refuses a call that no daemon acknowledged',
    source: 'docs/adr/0021',
  },
  {
    id: 'P1.task-result',
    text: 'a call that is answered with a task ends with the result of the task, however it is fetched',
    source: 'docs/adr/0021',
  },
  {
    id: 'P1.late-result',
    text: 'a call that was cancelled ends as unknown after a minute, and a result behind that is told too',
    source: 'docs/adr/0021',
  },
  {
    id: 'P1.hook',
    text: 'a call that a hook has announced ends in a receipt, and reports that a hook could not deliver are counted',
    source: 'docs/adr/0029',
  },
  {
    id: 'P1.http',
    text: 'every call over HTTP ends in one report: answered, refused, cut off, or on a stream that was taken up again',
    source: 'docs/adr/0027',
  },

  // -- P2 The agent never reaches the key --
  {
    id: 'P2.walls',
    text: 'only the daemon imports the code that reads private keys',
    source: 'test/walls.ts',
  },
  {
    id: 'P2.key-mode',
    text: 'a signing key that group or world can touch, a symlink or a non-file is refused',
    source: 'Agent Receipts 0.5.0, key files',
  },
  {
    id: 'P2.peer-credential',
    text: 'every receipt of a live emitter carries pid, uid, gid and executable as the kernel says',
    source: 'Agent Receipts 0.5.0, peer_credential',
  },
  {
    id: 'P2.peer-foreign',
    text: 'a script that speaks the frame format without our code gets a receipt with its own peer credential',
    source: 'Agent Receipts 0.5.0, peer_credential',
  },
  {
    id: 'P2.approvals-owner',
    text: "only the owner of the daemon's socket, by the kernel's word, sees and answers paused calls",
    source: 'docs/approvals.md',
  },
  {
    id: 'P2.shared-uid-doctor',
    text: 'doctor says when daemon and agent run under the same uid',
    source: 'SECURITY.md',
  },

  // -- P3 A blocked call never reaches the server --
  {
    id: 'P3.corpus',
    text: 'none of the hostile lines reaches the server behind a block-all rule',
    source: 'SECURITY.md, "What is promised"',
  },
  {
    id: 'P3.fuzz',
    text: 'whatever a forgiving reader sees as a call after random edits is decided or refused',
    source: 'SECURITY.md, "What is promised"',
  },
  {
    id: 'P3.batch',
    text: 'every member of a JSON-RPC batch is decided by itself',
    source: 'JSON-RPC 2.0 section 6',
  },
  {
    id: 'P3.missing-id',
    text: 'a tool call without id is decided like any other',
    source: 'JSON-RPC 2.0 section 4.1',
  },
  {
    id: 'P3.null-id',
    text: 'a tool call with a null id is decided like any other',
    source: 'JSON-RPC 2.0 section 4',
  },
  {
    id: 'P3.duplicate-id',
    text: 'two calls in flight with the same id do not share a decision or a receipt',
    source: 'JSON-RPC 2.0 section 4',
  },
  {
    id: 'P3.non-object-arguments',
    text: 'arguments that are no object are decided, not waved through',
    source: 'MCP, tools/call',
  },
  {
    id: 'P3.duplicate-keys',
    text: 'a line with duplicate keys cannot show policy one call and the server another',
    source: 'RFC 8259 section 4',
  },
  {
    id: 'P3.escaped-names',
    text: 'a method or tool name written with escapes is the same name',
    source: 'RFC 8259 section 7',
  },
  {
    id: 'P3.nesting',
    text: 'a huge nesting neither passes nor breaks the proxy',
    source: 'RFC 8259 section 9',
  },
  {
    id: 'P3.split-utf8',
    text: 'a line cut anywhere, also inside a character, is decided as a whole',
    source: 'RFC 3629',
  },
  {
    id: 'P3.not-understood',
    text: 'a line that could be a call and cannot be parsed is not forwarded',
    source: 'SECURITY.md, "What is promised"',
  },
  {
    id: 'P3.hook',
    text: 'a hook denies what a rule blocks and what it cannot understand, in the way of each agent',
    source: 'docs/adr/0029',
  },
  {
    id: 'P3.http',
    text: 'the hostile lines are stopped over HTTP too, and what HTTP adds to them: headers, paths, methods, packed and split bodies',
    source: 'SECURITY.md, "What is promised"; docs/adr/0027',
  },

  // -- P4 Transparent --
  {
    id: 'P4.http',
    text: 'over HTTP of every revision, what no rule is about passes with its status, headers and bytes, at the pace of its reader',
    source: 'docs/adr/0027',
  },
  {
    id: 'P4.http-hang-up',
    text: 'who hangs up on one side hangs up on the other, and a call that was not sent is not sent then',
    source: 'docs/adr/0027',
  },
  {
    id: 'P4.other-bytes',
    text: 'a message that is no tool call by any reading passes as the bytes it came in',
    source: 'docs/adr/0006',
  },
  {
    id: 'P4.session-bytes',
    text: 'a recorded session with a real server is byte-identical with and without the proxy, both ways',
    source: 'docs/adr/0006',
  },
  {
    id: 'P4.big-message',
    text: 'a message of several MB passes unchanged without a limit of ours',
    source: 'docs/adr/0006',
  },
  {
    id: 'P4.ids-raw',
    text: 'an answer of ours echoes the id as the client wrote it',
    source: 'JSON-RPC 2.0 section 5',
  },
  {
    id: 'P4.backpressure',
    text: 'a slow reader slows the writer on either side; the proxy does not buffer without end',
    source: 'docs/adr/0006',
  },
  {
    id: 'P4.crlf-noise',
    text: 'CRLF, blank lines and noise on standard output pass as the same bytes',
    source: 'docs/adr/0006',
  },
  {
    id: 'P4.paused-no-wait',
    text: 'a call that waits for a person delays no other message',
    source: 'docs/adr/0006',
  },

  // -- P5 Checkable without us --
  {
    id: 'P5.vectors-node',
    text: 'every published vector passes through node:crypto',
    source: 'conformance vectors',
  },
  {
    id: 'P5.vectors-noble',
    text: 'every published vector passes through @noble',
    source: 'conformance vectors',
  },
  {
    id: 'P5.disclosure-vectors',
    text: 'every published disclosure envelope is reproduced to the byte and opened',
    source: 'conformance vectors',
  },
  {
    id: 'P5.worked-example',
    text: 'the published frame becomes the published receipt to the byte',
    source: 'Agent Receipts 0.5.0, worked example',
  },
  {
    id: 'P5.store-schema',
    text: 'the receipts table has exactly the columns and indices of the protocol',
    source: 'Agent Receipts 0.5.0, store',
  },
  {
    id: 'P5.frames-foreign',
    text: 'frames of every existing emitter are accepted or refused as its reader does',
    source: 'Agent Receipts 0.5.0, frames',
  },
  {
    id: 'P5.foreign-tools',
    text: "the tools of the protocol's authors verify our chains and we verify theirs",
    source: 'Agent Receipts 0.5.0, interoperability',
    gap: 'comes with the interop tests; vectors stand in for them',
  },

  // -- P6 It says what it did not check --
  {
    id: 'P6.empty-chain',
    text: 'an empty or missing chain is never VALID',
    source: 'docs/adr/0011',
  },
  {
    id: 'P6.limits',
    text: 'a verdict lists what was not checked: truncation, key not pinned, outcome unknown',
    source: 'SECURITY.md, "What a receipt does not prove"',
  },
  {
    id: 'P6.terminator',
    text: 'a chain without terminator, or interrupted, is told apart from a complete one',
    source: 'Agent Receipts 0.5.0, chain.status',
  },

  // -- P7 Cheap --
  {
    id: 'P7.bench-table',
    text: 'npm run bench measures floor and ratio of every budget in one run and writes them as JSON',
    source: 'bench/README.md',
  },
  {
    id: 'P7.against',
    text: 'the benchmark takes any other stdio proxy or daemon by its command line, and notices one that loses or changes something',
    source: 'bench/README.md',
  },
  {
    id: 'P7.counts',
    text: 'a call and a receipt cost no more system calls, frames, parses, commits and pages than written down',
    source: 'docs/adr/0036',
  },
  {
    id: 'P7.daemon-thread',
    text: 'a large batch is signed in a second thread of the daemon; what is in the record, and when it is answered, does not differ',
    source: 'docs/adr/0034',
  },
  {
    id: 'P7.start-lazy',
    text: 'a program loads the SQLite driver and other heavy parts only when a command needs them',
    source: 'docs/adr/0010',
  },
  {
    id: 'P7.soak',
    text: 'slow streams and hang-ups over HTTP leave no connection, timer or memory behind, and one receipt for each call',
    source: 'docs/adr/0027',
  },
  {
    id: 'P7.memory-flat',
    text: 'verifying holds some dozens of receipts at a time, never a chain',
    source: 'docs/adr/0005',
  },

  // -- P8 Bad input gets a clear error --
  {
    id: 'P8.errors-listed',
    text: 'every error code has a remedy and stands in docs/errors.md',
    source: 'docs/errors.md',
  },
  {
    id: 'P8.rules-position',
    text: 'a mistake in a rules file is an error with file, line and column, and nothing starts',
    source: 'docs/rules.md',
  },
  {
    id: 'P8.config-position',
    text: 'a mistake in daemon.toml is an error with file, line and column, and nothing starts',
    source: 'docs/operations.md',
  },
  {
    id: 'P8.frame-reason',
    text: 'a refused frame names the member and the rule it breaks',
    source: 'Agent Receipts 0.5.0, frames',
  },
  {
    id: 'P8.usage',
    text: 'an unknown flag, command or value ends with exit 2 (1 where the protocol says so) and a message that names it',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'P8.http-config',
    text: 'a mistake in the configuration of serve-http is an error with file, line and column, and nothing starts',
    source: 'docs/adr/0027',
  },

  // -- S Protocol (shared/) --
  {
    id: 'S.canonical-traps',
    text: 'canonical JSON handles lone surrogates, -0, overflow, depth, __proto__ and duplicate keys',
    source: 'RFC 8785',
  },
  {
    id: 'S.versions',
    text: 'receipts 0.1.0 to 0.6.0 are read, 0.5.0 is written',
    source: 'Agent Receipts 0.5.0, version',
  },
  {
    id: 'S.proof-strict',
    text: 'a proof or key in any encoding but the specified one is refused',
    source: 'Agent Receipts 0.5.0, proof',
  },
  {
    id: 'S.any-flip',
    text: 'any flipped bit of a signed receipt fails verification',
    source: 'Agent Receipts 0.5.0, proof',
  },
  { id: 'S.did-key', text: 'did:key encodes and decodes as published', source: 'did:key method' },
  {
    id: 'S.risk-table',
    text: 'risk levels follow the published taxonomy and are never lowered',
    source: 'Agent Receipts 0.5.0, taxonomy',
  },
  {
    id: 'S.frame-cuts',
    text: 'the frame decoder behaves the same however the stream is cut, and judges a length before it waits',
    source: 'Agent Receipts 0.5.0, frames',
  },
  {
    id: 'S.tamper',
    text: 'each tampering is found, names the right receipt and ends with exit 1: byte, column, deleted, swapped, moved, appended, unknown member',
    source: 'docs/adr/0002',
  },
  {
    id: 'S.one-verdict',
    text: 'a verdict is the same to the letter whether signatures are checked one by one or on every core',
    source: 'docs/adr/0035',
  },
  {
    id: 'S.issuer-constant',
    text: 'a chain whose issuer changes is reported',
    source: 'Agent Receipts 0.5.0, issuer',
  },

  // -- D Daemon --
  {
    id: 'D.bounded',
    text: 'what peers announce and leave open is bounded in the memory of the daemon',
    source: 'docs/adr/0019',
  },
  {
    id: 'D.init',
    text: '--init creates both key files with exact bytes and modes, and never overwrites',
    source: 'Agent Receipts 0.5.0, key files',
  },
  {
    id: 'D.failed-start-clean',
    text: 'a start that fails leaves no database, socket or key behind',
    source: 'daemon/README.md',
  },
  {
    id: 'D.socket-policy',
    text: 'a socket outside the safe set, or one that looks like TCP, is refused',
    source: 'Agent Receipts 0.5.0, socket',
  },
  {
    id: 'D.single-instance',
    text: 'a second daemon refuses and names the first; a stale socket is replaced',
    source: 'daemon/README.md',
  },
  {
    id: 'D.modes',
    text: 'socket, directory and database have the specified modes',
    source: 'Agent Receipts 0.5.0, socket',
  },
  {
    id: 'D.tail-verified',
    text: 'the daemon refuses to extend a tail that does not verify',
    source: 'daemon/README.md',
  },
  {
    id: 'D.chain-suffix',
    text: 'a restart after a terminator appends -2 to a plain date on every day of the month',
    source: 'docs/adr/0011',
  },
  {
    id: 'D.terminator',
    text: 'SIGTERM and SIGINT write one terminator per open chain and exit 0',
    source: 'Agent Receipts 0.5.0, shutdown',
  },
  {
    id: 'D.life',
    text: 'each run begins with a receipt that says how the one before ended, and ends with one that says why',
    source: 'docs/adr/0022',
  },
  {
    id: 'D.chain-complete',
    text: 'a chain that ended in order says complete; lost or open things make it interrupted',
    source: 'docs/adr/0022',
  },
  {
    id: 'D.chain-links',
    text: 'each new root chain names the last receipt of the one before it',
    source: 'docs/adr/0022',
  },
  {
    id: 'C.chain-links',
    text: 'verify finds chains that were removed or cut, through the chains that name them, and says what it cannot find',
    source: 'docs/adr/0022',
  },
  {
    id: 'D.roll',
    text: 'at midnight UTC, or on request, all chains end and the next root begins, in one commit',
    source: 'docs/adr/0022',
  },
  {
    id: 'D.delegation-principal',
    text: 'the chain of a sub-agent hangs on a receipt of its own principal, or on a statement of the daemon',
    source: 'docs/adr/0020',
  },
  {
    id: 'D.heads-bounded',
    text: 'what is remembered of chains and principals does not grow with their number',
    source: 'docs/adr/0022',
  },
  {
    id: 'D.log-rotation',
    text: 'the log of a background daemon is moved aside when it is full, at the end of a line, and never grows without end',
    source: 'docs/operations.md',
  },
  {
    id: 'D.sub-chains',
    text: 'sub-agents get chains of their own with a delegation, also after a restart',
    source: 'Agent Receipts 0.5.0, sub-agents',
  },
  {
    id: 'D.group-commit',
    text: 'many emitters share one durable transaction',
    source: 'docs/adr/0005',
  },
  {
    id: 'D.synchronous-full',
    text: 'the writer runs with WAL and synchronous=FULL',
    source: 'docs/adr/0005',
  },
  {
    id: 'D.newer-store',
    text: 'a store written by a newer version is refused',
    source: 'docs/adr/0005',
  },
  {
    id: 'D.foreign-store',
    text: 'the database of another program is refused before anything in it is changed',
    source: 'docs/errors.md',
  },
  {
    id: 'D.ack',
    text: 'a frame that asks is acknowledged once and after the commit; a frame that does not ask is never answered',
    source: 'docs/adr/0003',
  },
  {
    id: 'D.ack-refused',
    text: 'a frame that asks and is refused gets ok:false with code and remedy',
    source: 'docs/adr/0003',
  },
  {
    id: 'D.bad-frame-survives',
    text: 'an invalid frame costs itself, not the connection',
    source: 'Agent Receipts 0.5.0, frames',
  },
  {
    id: 'D.redaction',
    text: 'secrets in an error text do not reach a receipt, PKCS#8 blocks included',
    source: 'Agent Receipts 0.5.0, redaction',
  },
  {
    id: 'D.config-order',
    text: 'flag beats variable beats file beats default, and --print-config shows the result',
    source: 'Agent Receipts 0.5.0, configuration',
  },
  {
    id: 'D.config-file',
    text: 'daemon.toml gives what flag and variable leave open; a file that was named must be there',
    source: 'docs/operations.md',
  },
  {
    id: 'D.reload',
    text: 'SIGHUP applies what can change, names what needs a restart, and keeps the old settings when the file is broken',
    source: 'docs/operations.md',
  },
  {
    id: 'D.logs',
    text: 'text lines keep their form; JSON lines hold time, level, msg and fields; levels filter both',
    source: 'docs/operations.md',
  },
  {
    id: 'D.metrics',
    text: 'metrics and health are off until asked for, and only on loopback or a Unix socket',
    source: 'docs/operations.md',
  },
  {
    id: 'D.notify',
    text: 'a service manager is told of readiness, reload, stop and, if it asks, that the loop turns',
    source: 'docs/adr/0018',
  },
  {
    id: 'D.units',
    text: 'the units pass systemd-analyze verify, the plist parses, and every hardening line says what it denies',
    source: 'docs/operations.md',
  },
  {
    id: 'D.init-if-missing',
    text: 'a key is made where none is and nothing was signed yet; a database without receipts does not hinder it',
    source: 'docs/operations.md',
  },
  {
    id: 'D.disk-full',
    text: 'a full disk refuses frames, half-writes nothing and heals without a restart',
    source: 'daemon/README.md',
  },
  {
    id: 'D.rotation',
    text: 'keys rotate without breaking a chain',
    source: 'Agent Receipts 0.5.0, keyRotation',
  },
  {
    id: 'D.rotation-reference',
    text: 'a store that the reference rotated goes on without touching what is broken or handed over',
    source: 'docs/adr/0015',
  },
  {
    id: 'D.rotation-crash',
    text: 'a rotation killed or failing at any step is finished or undone, never half done',
    source: 'docs/adr/0015',
  },
  {
    id: 'D.rotation-offline',
    text: 'keys rotate only while no daemon runs, and the one that runs is named',
    source: 'docs/adr/0015',
  },
  {
    id: 'D.anchor-log',
    text: 'a rotation is on disk in the anchor log, in the published form, before anything else changes',
    source: 'Agent Receipts 0.5.0, anchor log',
  },
  {
    id: 'D.key-retired',
    text: 'a key that was rotated out neither signs nor rotates again',
    source: 'docs/adr/0015',
  },
  {
    id: 'D.signer-agent',
    text: 'the daemon signs with a key in an ssh-agent, and an agent that fails costs no chain',
    source: 'docs/adr/0016',
  },
  {
    id: 'D.signer-token',
    text: 'the daemon signs with a key that only a PKCS #11 token holds, and refuses what it cannot name for certain',
    source: 'docs/adr/0023',
  },
  {
    id: 'D.disclosure',
    text: 'payloads are sealed for a forensic key before the commit, in the order of their connection, and open without our code',
    source: 'docs/adr/0013',
  },
  {
    id: 'D.disclosure-policy',
    text: 'the policy says whose payloads are sealed; what cannot be sealed is logged and recorded by its hash',
    source: 'docs/disclosure.md',
  },
  {
    id: 'D.forensic-key',
    text: '-init-forensic-key creates both key files with exact bytes and modes, and never overwrites',
    source: 'docs/disclosure.md',
  },
  {
    id: 'D.redaction-custom',
    text: 'patterns of the operator are read strictly, and refused when a text could keep them busy',
    source: 'docs/adr/0014',
  },

  // -- E Emitter --
  {
    id: 'E.never-blocks',
    text: 'the emitter neither blocks nor throws into its caller, with the daemon up, down or stuck',
    source: 'docs/adr/0003',
  },
  {
    id: 'E.reconnect',
    text: 'the emitter finds a restarted daemon by itself and delivers its spool in order',
    source: 'docs/adr/0003',
  },
  {
    id: 'E.spool-bounded',
    text: 'the spool has a limit; what does not fit is counted',
    source: 'docs/adr/0003',
  },
  {
    id: 'E.socket-path',
    text: 'the default socket path is the one every emitter resolves',
    source: 'Agent Receipts 0.5.0, paths',
  },

  // -- R Rules (policy/) --
  {
    id: 'R.most-restrictive',
    text: 'of all matching rules the most restrictive action wins, on equal terms the first',
    source: 'docs/rules.md',
  },
  {
    id: 'R.globs',
    text: 'globs match the whole name, without case, as the protocol says',
    source: 'docs/rules.md',
  },
  {
    id: 'R.defaults',
    text: 'without a rules file the built-in rules apply',
    source: 'docs/rules.md',
  },
  {
    id: 'R.score',
    text: 'operation and risk score are as published, and the score lists its reasons',
    source: 'docs/rules.md',
  },
  {
    id: 'R.strict',
    text: 'unknown key, wrong type, bad glob and duplicate name are errors',
    source: 'docs/rules.md',
  },
  { id: 'R.enabled-default', text: 'a rule without `enabled` is on', source: 'docs/adr/0008' },
  {
    id: 'R.total',
    text: 'every input gets a decision; policy never throws',
    source: 'docs/rules.md',
  },
  {
    id: 'R.conditions',
    text: 'conditions on arguments find values by path, and compare them strictly in type',
    source: 'docs/rules.md',
  },
  {
    id: 'R.amounts',
    text: 'an amount is an amount as number and as text; one that cannot be read is above every limit',
    source: 'docs/rules.md',
  },
  {
    id: 'R.lists',
    text: 'what is not on an allow list is blocked, and what is on a block list',
    source: 'docs/rules.md',
  },
  {
    id: 'R.limits',
    text: 'rates and budgets count calls that went on, in a period that slides',
    source: 'docs/rules.md',
  },
  {
    id: 'R.sequences',
    text: 'a rule can ask for earlier calls of the session, in their order',
    source: 'docs/rules.md',
  },
  { id: 'R.time', text: 'time windows are those of the time zone named', source: 'docs/rules.md' },
  {
    id: 'R.annotations',
    text: 'what a server says about its tool can make a decision stricter, never milder',
    source: 'docs/rules.md',
  },
  {
    id: 'R.extended-risk',
    text: 'the extended score is never below the one of peers, and lists its reasons',
    source: 'docs/rules.md',
  },
  {
    id: 'R.linear',
    text: 'no expression of a rules file can keep the proxy busy',
    source: 'docs/adr/0024',
  },
  {
    id: 'R.reload',
    text: 'a changed file is in force as a whole or not at all; after a mistake the old rules stay',
    source: 'docs/adr/0024',
  },
  {
    id: 'R.schema',
    text: 'loader, JSON Schema and reference page say the same',
    source: 'docs/adr/0024',
  },
  {
    id: 'R.warnings',
    text: 'rules that can never match or never decide are named',
    source: 'docs/rules.md',
  },
  {
    id: 'R.commands',
    text: 'rules can be checked, tested, explained, imported and replayed without a proxy',
    source: 'docs/rules.md',
  },
  {
    id: 'R.cookbook',
    text: 'every policy of the cookbook decides its cases as it says',
    source: 'docs/rules.md',
  },

  // -- X Proxy --
  {
    id: 'X.errors',
    text: 'block answers -32001, pause without approver -32003 with data, as published',
    source: 'Agent Receipts 0.5.0, JSON-RPC errors',
  },
  { id: 'X.flags', text: 'flags follow Go syntax', source: 'Agent Receipts 0.5.0, command line' },
  {
    id: 'X.doctor',
    text: 'mcp-proxy doctor is healthy without a warning on a default installation, and says of every fault what to do',
    source: 'docs/doctor.md',
  },
  {
    id: 'X.doctor-server',
    text: 'mcp-proxy doctor starts the server with the environment of a client, lists its tools and leaves no process behind',
    source: 'docs/doctor.md',
  },
  {
    id: 'X.doctor-drift',
    text: 'mcp-proxy doctor says what of a server is not as it was accepted, and accepts nothing',
    source: 'docs/doctor.md',
  },
  {
    id: 'X.init',
    text: 'mcp-proxy init writes the built-in policy for its user alone, and never over a file',
    source: 'docs/proxy.md',
  },
  {
    id: 'X.banner',
    text: 'start-up lines and the banner JSON are as published',
    source: 'Agent Receipts 0.5.0, proxy log',
  },
  {
    id: 'X.host',
    text: 'the agent host is detected from its process or environment',
    source: 'Agent Receipts 0.5.0, host detection',
  },
  {
    id: 'X.lifecycle',
    text: 'exit code, signals, standard error and a clean end at EOF are as if the proxy were not there',
    source: 'docs/adr/0006',
  },
  {
    id: 'X.daemon-absent',
    text: 'without a daemon calls go on and one clear line says so',
    source: 'SECURITY.md, "What is promised"',
  },
  {
    id: 'X.waiting',
    text: 'nothing waits behind a call that waits, and what waits is bounded and can be cancelled',
    source: 'docs/adr/0021',
  },
  {
    id: 'X.pins',
    text: 'what a server listed first is remembered; what changes later is found at the list and at the call',
    source: 'docs/adr/0026',
  },
  {
    id: 'X.text-checks',
    text: 'hidden text, orders to a model and secrets are found in descriptions and results, in linear time',
    source: 'docs/adr/0026',
  },
  {
    id: 'X.hide-blocked',
    text: 'with hide_blocked a list of tools loses what rules block, and not a byte beside it',
    source: 'docs/adr/0026',
  },
  {
    id: 'X.remote',
    text: 'SDK clients of both eras come to the same results with a remote server on standard input and output as over HTTP itself',
    source: 'docs/adr/0031',
  },
  {
    id: 'X.remote-bytes',
    text: 'a line of the client is the body of a request, and what a remote server says comes out as lines with its own text',
    source: 'docs/adr/0031',
  },
  {
    id: 'X.remote-faults',
    text: 'a call that a remote server does not answer ends as failed where it did not run and as pending where nobody knows, and is sent once',
    source: 'docs/adr/0031',
  },
  {
    id: 'X.remote-sessions',
    text: 'streams are taken up again, sessions begun anew and told, cancellations passed on, and the session ended with the client',
    source: 'docs/adr/0031',
  },
  {
    id: 'X.remote-credentials',
    text: 'credentials come from variables and private files, go to one origin, and stand in no log and no record',
    source: 'docs/adr/0031',
  },
  {
    id: 'X.server-requests',
    text: 'what the server asks of the client is recorded, and does not reach the client where a rule blocks it',
    source: 'docs/adr/0026',
  },
  {
    id: 'X.rounds',
    text: 'a call that the server asks back about is one call in the record, decided in every round',
    source: 'docs/adr/0026',
  },
  {
    id: 'X.first-minute',
    text: 'obsigna init makes what is missing, changes nothing that is there, and says both',
    source: 'docs/cli.md',
  },
  {
    id: 'X.pack',
    text: 'the packed program, installed and wrapped, leaves a receipt that verifies of the first call of a client',
    source: 'README.md',
  },
  {
    id: 'X.launcher',
    text: 'compiled code is kept beside the program, run only if nobody else could have written it, and never needed',
    source: 'docs/adr/0033',
  },
  {
    id: 'X.bench',
    text: "mcp-proxy bench measures the user's own server with and without the proxy, in turns, through the real proxy",
    source: 'docs/proxy.md',
  },
  {
    id: 'X.sample',
    text: 'every member of a real receipt is explained, with what it does not prove',
    source: 'docs/cli.md',
  },
  {
    id: 'X.approvals',
    text: 'an approver answers by HTTP, in the client or in the terminal',
    source: 'Agent Receipts 0.5.0, approval HTTP server',
  },
  {
    id: 'X.approval-bound',
    text: 'an answer counts for the one call it was asked about, once, in time, and under the same rules',
    source: 'docs/adr/0025',
  },
  {
    id: 'X.question-text',
    text: 'nothing that an agent sent can pass for a part of the question, or hide in it',
    source: 'docs/adr/0025',
  },
  {
    id: 'X.own-ids',
    text: 'answers to requests of ours never reach the server, and no answer to the server is kept from it',
    source: 'docs/adr/0025',
  },
  {
    id: 'X.grants',
    text: 'a grant lets this exact call pass for ten minutes, or this tool until the session ends, and is a receipt',
    source: 'docs/adr/0025',
  },
  {
    id: 'X.http-visitors',
    text: 'only who calls us by a name of ours, from no foreign page, and with the token where there is one, is served',
    source: 'docs/adr/0027',
  },
  {
    id: 'X.http-sign-in',
    text: 'the challenge and the metadata of a protected resource lead through us, and nothing else in them changes',
    source: 'RFC 9728; docs/adr/0027',
  },
  {
    id: 'X.http-attestation',
    text: 'a call that goes on carries a name that its receipt is found by, whatever the client says',
    source: 'docs/adr/0027',
  },
  {
    id: 'X.http-tls',
    text: 'a server behind TLS is reached only with a certificate that is trusted, or given with -ca',
    source: 'docs/adr/0027',
  },

  // -- C Command line (cli/) --
  {
    id: 'C.list-filters',
    text: 'receipt list filters by chain, tool, risk, status and time, limits and streams',
    source: 'cli/README.md',
  },
  {
    id: 'C.tail',
    text: 'receipt tail shows the newest receipts as they were written, and follows a store that is written, made smaller or put back',
    source: 'docs/cli.md',
  },
  {
    id: 'C.list-json',
    text: '--json prints the documented shape',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'C.show',
    text: 'receipt show prints one receipt as published',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'C.disclose',
    text: 'receipt disclose opens a payload, compares it with its hash, and exits 1 where there is nothing to open',
    source: 'docs/adr/0013',
  },
  {
    id: 'C.sequence-ambiguous',
    text: 'a sequence that several chains have asks for the chain instead of guessing',
    source: 'cli/README.md',
  },
  {
    id: 'C.verify-all',
    text: 'verify checks every chain of the store by default and exits 0, 1 or 2',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'C.pin',
    text: 'a pinned key vouches for the chains that it or its successors began, and nothing else does',
    source: 'docs/adr/0015',
  },
  {
    id: 'C.cut-chain',
    text: 'a chain whose beginning was removed is valid from there only if a sound prune receipt names the very cut',
    source: 'docs/cli.md',
  },
  {
    id: 'C.keys-list',
    text: 'keys list shows the published key, its archives, and when each was in use',
    source: 'docs/keys.md',
  },
  {
    id: 'C.keys-sibling',
    text: 'keys generate, pubkey and rotate run the daemon program of the same installation',
    source: 'docs/adr/0015',
  },
  {
    id: 'C.read-only',
    text: 'reading works with the daemon up or down and leaves no file behind',
    source: 'cli/README.md',
  },
  {
    id: 'C.corrupt-row',
    text: 'one undecodable row is reported and does not hide the others',
    source: 'cli/README.md',
  },
  {
    id: 'C.verify-event',
    text: 'receipt verify-event judges single receipts',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'C.doctor',
    text: 'doctor checks socket, database, keys and a round trip',
    source: 'Agent Receipts 0.5.0, command line',
  },
  {
    id: 'C.wrap',
    text: 'wrap puts the proxy in front of the named entries of a client and changes nothing else, in every format',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.unwrap',
    text: 'unwrap restores a wrapped file to the byte, and where others changed it the entries',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.wrap-remote',
    text: 'wrap puts the proxy in front of remote entries of a client; headers arrive at the server, stand on no command line, and come back to the byte',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.wrap-secrets',
    text: 'wrap prints no value of a file but commands, and of these nothing that looks like a secret',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.wrap-broken',
    text: 'a file that cannot be read is told by line and column, and left as it is',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.wrap-race',
    text: 'what another program wrote to a file in between is not overwritten',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.wrap-pages',
    text: 'every client of the table has its page, printed from the table',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.status',
    text: 'status says which configured servers are governed, which are not, and why',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.status-signed',
    text: 'status -sign makes its statement a receipt',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.drift',
    text: 'doctor shows servers that are not governed and wrapped ones that cannot start',
    source: 'docs/adr/0028',
  },
  {
    id: 'C.doctor-remedies',
    text: 'every check of doctor that does not pass says what to do',
    source: 'docs/doctor.md',
  },
  {
    id: 'C.verify-event-daemon',
    text: 'what the daemon says for itself is no missing evidence, and what an emitter says is never taken for it',
    source: 'docs/adr/0020',
  },
  {
    id: 'C.verify-event-rotated',
    text: 'verify-event judges receipts from before a rotation by the key of that time',
    source: 'docs/adr/0020',
  },
  {
    id: 'C.delegation',
    text: "verify compares a sub-agent's chain with the parent that it names",
    source: 'docs/adr/0020',
  },

  {
    id: 'C.daemon',
    text: 'daemon run, start, stop, status, reload, logs, install and uninstall work with and without a service manager',
    source: 'docs/operations.md',
  },
  {
    id: 'C.prune',
    text: 'old chains go only whole, verified and named by a signed receipt that verify reads',
    source: 'docs/adr/0017',
  },
  {
    id: 'C.backup',
    text: 'a copy of the store is one moment of it, taken while a daemon writes',
    source: 'docs/operations.md',
  },
  {
    id: 'C.check',
    text: 'store check finds damage to pages, indices, tables and columns',
    source: 'docs/operations.md',
  },

  // -- H Hooks of agents --
  {
    id: 'H.agents',
    text: 'each agent is passed in silence and denied in its own way, with one receipt for both',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.failures',
    text: 'a failed call is told in the words of the agent',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.fail',
    text: 'rules that cannot be used deny; a daemon that is away denies only where a receipt is required',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.malformed',
    text: 'input that is no call, or two calls, is denied, recorded, and passes with -fail open only',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.huge',
    text: 'megabytes are decided as a whole and told by their hash; more than is read is denied',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.deadline',
    text: 'an input that never ends is denied by our own deadline',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.exit-codes',
    text: 'the exit code is 0 or 2, also for a signal and a wrong flag',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.pause',
    text: 'a paused call is put to the agent that can ask or to a terminal, and denied without an answer',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.history',
    text: 'a rule that needs earlier calls is taken to hold',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.mcp',
    text: 'calls of MCP tools are left to the proxy, decided, or skipped',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.lost',
    text: 'reports without a daemon are told by the next hook as a count',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.one-receipt',
    text: 'two processes make one receipt that names host, announcer and reporter as the kernel does',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.pending',
    text: 'a call of a hook is open while its host lives, for at most a day',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.late',
    text: 'an outcome behind a pending receipt completes it',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.no-id',
    text: 'calls of agents without ids for them are told apart',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.changed',
    text: 'arguments that differ from those announced are recorded as they ran, with both hashes',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.once',
    text: 'a call that hook and proxy tell of is counted once',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.twice',
    text: 'a hook that is started twice for one call tells once; what an agent runs in spite of a denial is told',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.install',
    text: 'hooks install changes our own entries only, is idempotent, and can be taken back',
    source: 'docs/adr/0029',
  },
  {
    id: 'H.doctor',
    text: 'doctor runs the installed hooks with a sample',
    source: 'docs/adr/0029',
  },

  // -- B Build and repository --
  {
    id: 'B.pins',
    text: 'runtime dependencies are exact pins and each was decided in an ADR',
    source: 'docs/adr/0007',
  },
  {
    id: 'B.version',
    text: 'the version that programs print is that of package.json',
    source: 'package.json',
  },
  {
    id: 'B.bundles',
    text: 'the built programs start by themselves and print version and usage',
    source: 'docs/adr/0010',
  },
  {
    id: 'B.demo',
    text: 'npm run demo ends by itself with exit 0 and leaves nothing running',
    source: 'README.md',
  },

  // -- F Faults of the reference that we do not share --
  {
    id: 'F.rotation-after-stop',
    text: 'a rotation after a clean stop does not append behind the end of a chain',
    source: 'docs/differences.md',
  },
  {
    id: 'F.rotation-older-chains',
    text: 'after a rotation the chains of earlier keys stay valid, sub-agents included',
    source: 'docs/differences.md',
  },
  {
    id: 'F.rotation-single-receipts',
    text: 'verify-event and doctor judge by the key of the time, as verify does',
    source: 'docs/differences.md',
  },
  {
    id: 'F.start-without-key',
    text: 'a start without a key leaves no store that hinders the making of the key',
    source: 'docs/differences.md',
  },
  {
    id: 'F.restart-date',
    text: 'a restart does not take the day of a date for its counter',
    source: 'docs/differences.md',
  },
  {
    id: 'F.agent-chain-after-end',
    text: 'a sub-agent chain that has ended gets no further receipt',
    source: 'docs/differences.md',
  },
  {
    id: 'F.terminator-late',
    text: 'many sub-agents do not cost the root chain its last receipt',
    source: 'docs/differences.md',
  },
  {
    id: 'F.resume-columns',
    text: 'the daemon hangs no receipt on what a column claims',
    source: 'docs/differences.md',
  },
  {
    id: 'F.no-acknowledgement',
    text: 'an emitter that asks learns of every frame what became of it',
    source: 'docs/differences.md',
  },
  {
    id: 'F.redaction',
    text: 'PKCS#8 keys and sk- keys with underscores are redacted',
    source: 'docs/differences.md',
  },
  {
    id: 'F.unknown-members',
    text: 'a member added to stored JSON is noticed',
    source: 'docs/differences.md',
  },
  {
    id: 'F.columns',
    text: 'a column that contradicts its receipt is noticed',
    source: 'docs/differences.md',
  },
  {
    id: 'F.flat-disclosure',
    text: 'receipts that disclose a flat map, as versions before 0.4 allow, verify',
    source: 'docs/differences.md',
  },
  {
    id: 'F.bad-row',
    text: 'one row that does not decode hides no other receipt',
    source: 'docs/differences.md',
  },
  {
    id: 'F.idempotency-noise',
    text: 'idempotency keys are compared within a session only',
    source: 'docs/differences.md',
  },
  {
    id: 'F.truncation',
    text: 'a verdict says that a cut end and a missing chain would not be seen',
    source: 'docs/differences.md',
  },
  {
    id: 'F.schema-tool-name',
    text: 'our receipts fit the published schema, but for the tool_name that it forgets',
    source: 'docs/differences.md',
  },
];
