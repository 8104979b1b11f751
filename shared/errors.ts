/**
 * What the operator should do next, by code. Codes are public: add one, never rename one.
 * `docs/errors.md` lists every code; `test/errors.test.ts` keeps the two together.
 */
const REMEDIES = {
  // -- JSON and frames -------------------------------------------------------------------------
  JSON_INVALID: 'Send one complete RFC 8259 JSON value.',
  JSON_TOO_DEEP: 'Flatten the value: at most 10,000 nested arrays and objects are accepted.',
  JSON_NUMBER_RANGE: 'Send the number as a string: JSON numbers must fit an IEEE 754 double.',
  FRAME_LENGTH_INVALID:
    'Send 1 byte to 1 MiB per frame; report a larger payload by its hash and size.',
  FRAME_INVALID: 'Correct the named member; docs/protocol.md lists every member of a frame.',
  // -- receipts, keys --------------------------------------------------------------------------
  RECEIPT_INVALID: 'The text is not an Agent Receipts receipt; look at the named member.',
  PROOF_INVALID: 'The proof cannot be read; check that the receipt was copied completely.',
  KEY_INVALID:
    'Supply an Ed25519 key: PKCS#8 PEM for the private half, SPKI PEM for the public half.',
  DID_INVALID: 'Supply a did:key of an Ed25519 key (did:key:z6Mk...).',
  KEY_MISSING: 'Create the key pair with `obsigna-daemon -init`.',
  KEY_LOST:
    'Restore the key from its backup; to go on with a new one, run `obsigna-daemon -init` deliberately.',
  KEY_EXISTS:
    'Keep the existing key, or move both key files away first; a key is never overwritten.',
  KEY_UNSAFE: 'Make it a regular file that only the daemon can read: chmod 0600.',
  KEY_MISMATCH:
    'Find out which key signed the store; only then remove the public key file deliberately.',
  KEY_RETIRED:
    'Use the key that took its place; what a retired key signs from now on is not to be trusted.',
  ANCHOR_FAILED:
    'Point -anchor-log at a regular file that can be appended to; nothing was rotated.',
  ROTATION_UNFINISHED:
    'Start obsigna-daemon, or run `obsigna keys rotate`, as the owner of the key: it finishes what is recorded.',
  SIGNER_UNAVAILABLE:
    'Make what signs answer: an ssh-agent with the key at SSH_AUTH_SOCK, or a token with its module and PIN; docs/keys.md.',
  SIGNER_LIMIT:
    'Report less in one frame, or sign with a key file: an ssh-agent signs at most 256 KiB at once, a token what it says.',
  // -- disclosure ------------------------------------------------------------------------------
  ENVELOPE_INVALID:
    'Nothing opens it: it is no version 1 envelope. Run `obsigna receipt verify` on its chain.',
  ENVELOPE_NOT_OPENED: 'Point -key at the private half of the key that the envelope names.',
  FORENSIC_KEY_INVALID:
    'Supply an X25519 key: 32 bytes raw, hex or base64, or the private half as PKCS#8 PEM.',
  FORENSIC_KEY_UNREADABLE:
    'Check the path; `obsigna-daemon -init-forensic-key` creates a key pair where there is none.',
  DISCLOSURE_NONE:
    'Switch it on with -parameter-disclosure or -response-disclosure; docs/disclosure.md.',
  DISCLOSURE_MISMATCH:
    'Do not rely on this payload: its issuer sealed something else than it hashed.',
  // -- daemon ----------------------------------------------------------------------------------
  DAEMON_RUNNING: 'Use the daemon that runs, or stop it first.',
  DAEMON_UNREACHABLE:
    'Start the daemon with `obsigna-daemon`, or point -socket at the one that runs.',
  SOCKET_PATH_INVALID: 'Give -socket a path of a Unix socket, shorter and on this machine.',
  SOCKET_PATH_UNSAFE:
    'Put the socket under /run or $XDG_RUNTIME_DIR, or accept the risk with -unsafe-socket-path.',
  SOCKET_IN_USE: 'Choose another -socket, or remove what stands at the path if it is yours.',
  PEER_UNKNOWN: 'Connect again; a caller that the kernel does not name is not served.',
  PLATFORM_UNSUPPORTED: 'Run the daemon on Linux or macOS.',
  NATIVE_UNAVAILABLE:
    'Reinstall with optional dependencies (npm ci); koffi ships the binary for your platform.',
  CONFIG_INVALID: 'Correct the named setting; `obsigna-daemon -h` lists the flags and variables.',
  LOG_UNAVAILABLE: 'Give -log-file a path in a directory that this user may write to.',
  METRICS_UNAVAILABLE:
    'Give -metrics a free port on loopback, or a Unix socket path that this user may create.',
  FRAME_DROPPED:
    'Nothing to do for this one: it is counted, and the count reaches the record with the next receipt.',
  // -- store -----------------------------------------------------------------------------------
  STORE_UNSAFE: 'Make the database and its -wal and -shm files regular files of the daemon.',
  STORE_INVALID: 'The file is not a receipt store; check -db, or restore it from a backup.',
  STORE_NEWER: 'Upgrade obsigna: this store was written by a newer version.',
  STORE_UNAVAILABLE: 'Check the path, its permissions and the free space of the disk.',
  STORE_READ_ONLY:
    'Make the disk writable (mount -o remount,rw), or put the store elsewhere with -db; receipts are written there.',
  STORE_WRITE_FAILED:
    'Free disk space or repair the disk; the daemon goes on by itself once it can write.',
  STORE_CHANGED: 'Stop the other program that writes to the store, then start the daemon again.',
  PRUNE_FAILED:
    'Read what the daemon said: it must be stopped, and its key and store must be readable.',
  CHAIN_TAIL_INVALID:
    'Run `obsigna receipt verify` on the store; restore it from a backup or start a new one with -db.',
  // -- rules -----------------------------------------------------------------------------------
  RULES_INVALID: 'Correct the rules file at the position shown; docs/rules.md describes every key.',
  RULES_UNREADABLE: 'Check the path given with -rules and that this user may read it.',
  REDACTION_INVALID:
    'Correct the patterns file at the position shown; docs/redaction.md describes it.',
  REDACTION_UNREADABLE:
    'Check the path given with -redact-patterns and that this user may read it.',
  INTERNAL: 'This is a fault of the program: look at its log, and report it with what it says.',
  // -- reading ---------------------------------------------------------------------------------
  STORE_MISSING:
    'Start the daemon with `obsigna-daemon` and make one tool call, or name another store with -db.',
  PUBLIC_KEY_UNREADABLE:
    'Point -public-key at the key that the daemon published (signing.key.pub), or at your copy of it.',
  RECEIPT_NOT_FOUND: 'See what there is with `obsigna receipt list`.',
  SEQUENCE_AMBIGUOUS: 'Name the chain as well: `obsigna receipt show CHAIN:SEQ`.',
  NOTHING_SELECTED:
    'Name another receipt, chain or time; `obsigna receipt list` shows what there is.',
  OUTPUT_FAILED: 'Check where the output goes: the disk may be full.',
  // -- proxy -----------------------------------------------------------------------------------
  MESSAGE_NOT_UNDERSTOOD:
    'Send one unambiguous JSON-RPC 2.0 message per line; what cannot be understood is not passed on.',
  RECEIPT_REQUIRED:
    'Start the daemon or mend what it complains about, then repeat the call; without -require-receipt calls go on.',
  PINS_MISSING: 'See what is pinned with `mcp-proxy pins list`; -pins names another folder.',
  PINS_UNREADABLE:
    'Mend or move the file; what is recorded anew then is trusted on first use. docs/pins.md.',
  PINS_UNWRITABLE:
    'Let this user write there, or name another folder with -pins; until then nothing is remembered.',
  TOO_MANY_OPEN_CALLS: 'Wait for answers before sending more calls.',
  UPSTREAM_UNREACHABLE:
    'Check the address of the server and the network; -ca FILE trusts a certificate authority of your own.',
  UPSTREAM_UNREADABLE:
    'Let the server answer without compression, or with gzip, deflate or br; a response that cannot be read is not passed on.',
  BODY_NOT_ACCEPTED:
    'Send one JSON-RPC message as application/json in UTF-8, without Content-Encoding, of at most 64 MiB.',
  VISITOR_REFUSED:
    'Call the listener by its address, localhost or a name given with -allow-host; pages need -allow-origin, and -token-file its token.',
  NOT_SERVED:
    'Use the address that mcp-proxy printed when it started; only the endpoint and its discovery documents are served.',
  LISTENER_FAILED: 'Give -listen a free port on this machine, such as 127.0.0.1:4100.',
  HTTP_CONFIG_INVALID: 'Correct the file at the position shown; docs/http.md describes every key.',
  HTTP_CONFIG_UNREADABLE: 'Check the path and that this user may read it.',
  SIGN_IN_NEEDED:
    'Give credentials with -header-env or -header-file, or let the client sign in through `mcp-proxy serve-http`; docs/remote.md.',
  SERVER_REFUSED:
    'Read what the server answered, and check the address given with -url; the request did not run.',
  SERVER_ANSWER_LOST:
    'Look at the server whether it ran before repeating the request; its receipt is pending.',
  SERVER_SESSION_ENDED:
    'Repeat the request: a new session has begun, and what the server remembered is gone.',
  CREDENTIALS_INVALID:
    'Correct the named variable or file: lines `Name: value`, readable by its owner only (chmod 0600).',
  SERVER_NOT_STARTED:
    'Check the command behind `--`: it must exist and be executable for this user.',
  INIT_FAILED:
    'Mend what the lines above name, then run `obsigna init` again: it goes on from there.',
  STARTER_NOT_WRITTEN: 'Name a place where this user may write, with -rules.',
  // -- hooks -----------------------------------------------------------------------------------
  HOOK_INPUT_INVALID:
    'Check that -agent names the agent that starts the hook; docs/hook.md shows what each of them sends.',
  HOOK_INPUT_TOO_LARGE:
    'Make the call with less in it; more than 32 MiB is not read before a call is decided.',
  HOOK_TIMED_OUT:
    'Look at what keeps the hook waiting (the daemon, a large rules file, the agent), or raise -deadline.',
  HOOK_INTERRUPTED: 'Nothing to do if the agent was stopped; else give the hook more time there.',
  // -- approvals -------------------------------------------------------------------------------
  NO_APPROVER:
    'Open a way to a person: -http ADDR, a daemon for `obsigna approvals`, or a client that can ask; docs/approvals.md.',
  APPROVAL_DENIED: 'Do not repeat the call: a person has decided against it.',
  APPROVAL_TIMED_OUT:
    'Repeat the call when somebody is there to answer, or raise -approval-timeout.',
  APPROVAL_WITHDRAWN: 'Repeat the call if it is still wanted; nobody has decided about it.',
  APPROVAL_VOID: 'Repeat the call: the rules have changed since it was asked about.',
  APPROVAL_MISMATCH:
    'Look at the question again (`obsigna approvals show`): the answer was for something else.',
  APPROVAL_UNKNOWN: 'See what waits with `obsigna approvals list`.',
  APPROVAL_USED: 'Nothing to do: this question has been answered, and one answer counts once.',
  APPROVAL_EXPIRED: 'Nothing to do: nobody waits for this answer any more.',
  APPROVAL_UNAUTHORIZED:
    'Answer as the user who owns the daemon, or with the token that the proxy printed when it started.',
  TOO_MANY_APPROVALS: 'Answer what waits already, or let it time out, before more is asked.',
  APPROVAL_LISTENER_FAILED: 'Give -http a free port on this machine, such as 127.0.0.1:0.',
  APPROVALS_UNAVAILABLE:
    'Start a daemon of this version; an older one keeps no questions for `obsigna approvals`.',
  // -- processes -------------------------------------------------------------------------------
  SERVICE_FAILED:
    'Look at what the service manager says: `obsigna daemon status`, `obsigna daemon logs`.',
  PROGRAM_MISSING:
    'Install the programs of obsigna together: obsigna-daemon beside obsigna, or on the PATH.',
  // -- configuration files of clients ----------------------------------------------------------
  CLIENT_FILE_INVALID:
    'Mend the file at the position shown, or have its client write it anew; it was not touched.',
  CLIENT_FILE_UNREADABLE: 'Let this user read the file, or leave its client out with -client.',
  CLIENT_FILE_UNSAFE:
    'Run it as the owner of the file, and make it a regular file that its owner may write; it was not touched.',
  CLIENT_FILE_CHANGED:
    'Run the command again: another program wrote to the file meanwhile. Quit the client first if it keeps happening.',
  CLIENT_FILE_UNWRITABLE:
    'Let this user write to the folder of the file and free some space; the file is as it was.',
  SERVER_UNKNOWN: 'See what is configured with `obsigna status`.',
  // -- command line ----------------------------------------------------------------------------
  USAGE: 'Run the command with -h to see its options.',
} as const;

export type ErrorCode = keyof typeof REMEDIES;

/** Every code with its remedy, for `docs/errors.md` and `--help`. */
export const ERROR_REMEDIES: Readonly<Record<ErrorCode, string>> = REMEDIES;

/** A fault a user can act on: a stable `code`, what was wrong, and what to do about it. */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Part of a program may be a file with a copy of this class (scripts/build.mjs): the name tells. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== CodedError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return value instanceof Error && value.name === 'CodedError';
  }

  get remedy(): string {
    return REMEDIES[this.code];
  }
}
