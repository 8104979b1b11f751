import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json/value.ts';

/** What a member of a receipt says, and to which part of the receipt it belongs. */
interface Meaning {
  readonly path: string;
  readonly means: string;
}

interface Chapter {
  readonly title: string;
  readonly members: readonly Meaning[];
}

const SUBJECT = 'credentialSubject';
const OURS = 'issuer.runtime.obsigna';

/** Every member that a receipt can have, in the order of reading. A test finds what is missing. */
const CHAPTERS: readonly Chapter[] = [
  {
    title: 'What it is',
    members: [
      { path: '@context', means: 'the vocabulary: a W3C verifiable credential, Agent Receipts' },
      { path: 'id', means: 'names this receipt and no other; newer ones sort behind it' },
      { path: 'type', means: 'the kind of credential' },
      { path: 'version', means: 'version of the protocol that it is written in' },
      { path: 'issuanceDate', means: "when it was written, by the daemon's clock" },
    ],
  },
  {
    title: 'Who says it, and who is said to have acted',
    members: [
      { path: 'issuer.id', means: 'the daemon that signed' },
      { path: 'issuer.type', means: 'the kind of issuer' },
      { path: 'issuer.name', means: 'the agent, as it was detected or configured: a claim' },
      { path: 'issuer.operator', means: 'who operates the agent: a claim' },
      { path: 'issuer.model', means: 'the model behind the agent: a claim' },
      { path: 'issuer.session_id', means: 'one run of a proxy or hook; its calls are numbered' },
      {
        path: `${SUBJECT}.principal`,
        means: 'the user that the kernel named, or the daemon itself',
      },
      {
        path: `${SUBJECT}.action.peer_credential`,
        means:
          'process, user and executable at the other end of the socket: the word of the kernel',
      },
      { path: `${SUBJECT}.correlation_id`, means: "the agent's own id of the call: a claim" },
      { path: `${SUBJECT}.delegation`, means: 'the receipt that a sub-agent was started by' },
    ],
  },
  {
    title: 'What was done',
    members: [
      { path: `${SUBJECT}.action.id`, means: 'names the action' },
      { path: `${SUBJECT}.action.type`, means: 'channel, server and tool' },
      { path: `${SUBJECT}.action.tool_name`, means: 'the tool, as the agent called it' },
      { path: `${SUBJECT}.action.target`, means: 'what it was done to' },
      { path: `${SUBJECT}.action.risk_level`, means: 'weight of this kind of action, by its name' },
      {
        path: `${SUBJECT}.action.parameters_hash`,
        means:
          'hash of the arguments in canonical form: whoever has them can show that these are they',
      },
      {
        path: `${SUBJECT}.action.parameters_disclosure`,
        means: 'the arguments, sealed for the holder of the disclosure key',
      },
      { path: `${SUBJECT}.action.timestamp`, means: 'when it was reported' },
      {
        path: `${SUBJECT}.action.trusted_timestamp`,
        means: 'a time that somebody else vouches for',
      },
      {
        path: `${SUBJECT}.action.idempotency_key`,
        means: 'session and request id: tells a repeated report from a second call',
      },
      {
        path: `${SUBJECT}.action.emitter_metadata`,
        means: 'how many actions an emitter counted and could not report',
      },
      { path: `${SUBJECT}.intent`, means: 'what it was to be good for: a claim' },
      { path: `${SUBJECT}.keyRotation`, means: 'the old key hands over to the new one' },
    ],
  },
  {
    title: 'How it was decided',
    members: [
      { path: `${OURS}.decision.action`, means: 'pass, flag, pause or block' },
      { path: `${OURS}.decision.rule`, means: 'the rule that decided' },
      { path: `${OURS}.decision.matched`, means: 'all rules that matched; the strictest decides' },
      { path: `${OURS}.decision.reasons`, means: 'the conditions of that rule, which held' },
      { path: `${OURS}.decision.risk`, means: 'the risk score, 0 to 100, and what it is made of' },
      { path: `${OURS}.decision.policy_digest`, means: 'digest of the rules that were in force' },
      {
        path: `${OURS}.decision.approval`,
        means: 'who answered, through which door, when and why',
      },
      { path: `${OURS}.decision`, means: 'more about the decision' },
      { path: `${SUBJECT}.authorization`, means: 'what allowed it' },
    ],
  },
  {
    title: 'How it ended',
    members: [
      { path: `${SUBJECT}.outcome.status`, means: 'success, failure, or pending: nobody saw it' },
      { path: `${SUBJECT}.outcome.error`, means: 'what went wrong, secrets taken out' },
      { path: `${SUBJECT}.outcome.response_hash`, means: 'hash of the answer in canonical form' },
      {
        path: `${SUBJECT}.outcome.response_disclosure`,
        means: 'the answer, sealed for the holder of the disclosure key',
      },
      { path: `${SUBJECT}.outcome`, means: 'more about the outcome' },
      { path: `${OURS}.call`, means: 'number of the call in its session, and when it began' },
      { path: OURS, means: 'more that our daemon noted' },
      { path: 'issuer.runtime', means: 'what other programs noted' },
    ],
  },
  {
    title: 'Where it stands, and what holds it there',
    members: [
      { path: `${SUBJECT}.chain.chain_id`, means: 'the chain: one day of this daemon' },
      { path: `${SUBJECT}.chain.sequence`, means: 'its place there, without a gap' },
      {
        path: `${SUBJECT}.chain.previous_receipt_hash`,
        means: 'hash of the receipt before: to change that one is to change all behind it',
      },
      { path: `${SUBJECT}.chain`, means: 'that the chain ends here, and how' },
      { path: 'proof.verificationMethod', means: 'the key that signed' },
      { path: 'proof.proofValue', means: 'Ed25519 over everything above, in canonical form' },
      { path: 'proof', means: 'how and when it was signed' },
    ],
  },
];

export interface ExplainedMember {
  readonly path: string;
  readonly value: JsonValue;
  readonly means: string;
}

export interface ExplainedChapter {
  readonly title: string;
  readonly members: readonly ExplainedMember[];
}

/**
 * The members of a receipt with what each says, none left out: what no line of the table names stands
 * in the last chapter.
 */
export function explainMembers(receipt: JsonObject): readonly ExplainedChapter[] {
  const rest = new Map(leaves(receipt));
  // Longer paths first: the shorter ones take what is left below them.
  const order = CHAPTERS.flatMap(({ members }) => members).toSorted(
    (a, b) => b.path.length - a.path.length,
  );
  const found = new Map<string, JsonValue>();
  for (const { path } of order) {
    const below = [...rest].filter(([at]) => at === path || at.startsWith(`${path}.`));
    for (const [at] of below) rest.delete(at);
    const [first] = below;
    if (first === undefined) continue;
    const only = below.length === 1 && first[0] === path;
    found.set(path, only ? first[1] : nested(path, below));
  }
  const chapters = CHAPTERS.map(({ title, members }) => ({
    title,
    members: members.flatMap(({ path, means }) => {
      const value = found.get(path);
      return value === undefined ? [] : [{ path, value, means }];
    }),
  }));
  const others = [...rest].map(([path, value]) => ({ path, value, means: UNKNOWN }));
  return [...chapters, { title: 'What else it has', members: others }].filter(
    ({ members }) => members.length > 0,
  );
}

const UNKNOWN = 'not a member that this version knows';

/** Values by path; an array is one value. */
function leaves(value: JsonObject, prefix = ''): readonly (readonly [string, JsonValue])[] {
  return Object.entries(value).flatMap(([name, member]) =>
    isJsonObject(member) && Object.keys(member).length > 0
      ? leaves(member, `${prefix}${name}.`)
      : [[`${prefix}${name}`, member] as const],
  );
}

/** What is left below a path, as an object with the rest of each path as a name. */
function nested(path: string, below: readonly (readonly [string, JsonValue])[]): JsonObject {
  return Object.fromEntries(below.map(([at, value]) => [at.slice(path.length + 1), value]));
}
