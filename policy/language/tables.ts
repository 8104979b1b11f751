import { FINDING_CODES } from '../finding.ts';
import { ACTIONS, DAYS, OPERATION_TYPES, RISK_MODES, SCOPES } from '../words.ts';
import type { ListShape, MapShape, MemberShapes, Shape } from './shape.ts';

const MAX_COUNT = 1_000_000;
const PATTERN: Shape = { kind: 'pattern' };
const PATTERNS: ListShape = {
  kind: 'list',
  item: PATTERN,
  itemName: 'pattern',
  orOne: true,
  example: '["create_*", "update_*"]',
};
const OPERATIONS: ListShape = {
  kind: 'list',
  item: { kind: 'word', what: 'operation type', words: OPERATION_TYPES },
  itemName: 'operation type',
  isSet: true,
  example: '[write, delete]',
};
const PATH: Shape = { kind: 'path' };
const VALUE: Shape = { kind: 'value' };
const NUMBER: Shape = { kind: 'number' };
const CONDITION: Shape = { kind: 'condition' };
const CONDITIONS: ListShape = {
  kind: 'list',
  item: CONDITION,
  itemName: 'condition',
  example: '[{field: a, eq: 1}, {field: b, eq: 2}]',
};

const ANNOTATIONS: MapShape = {
  kind: 'map',
  members: {
    read_only: { shape: { kind: 'flag' }, about: 'What the server says in `readOnlyHint`.' },
    destructive: { shape: { kind: 'flag' }, about: 'What it says in `destructiveHint`.' },
    idempotent: { shape: { kind: 'flag' }, about: 'What it says in `idempotentHint`.' },
    open_world: { shape: { kind: 'flag' }, about: 'What it says in `openWorldHint`.' },
  },
  needsOneOf: ['read_only', 'destructive', 'idempotent', 'open_world'],
};

/** The tests of one field; several of them must hold for the same value. */
export const TEST_MEMBERS: MemberShapes = {
  field: { shape: PATH, about: 'Where to look in the arguments: a [path](#paths).' },
  eq: { shape: VALUE, about: 'Equal, also in type: `1` is not `"1"`; `1` is `1.0`.' },
  neq: { shape: VALUE, about: 'Present, and not equal.' },
  gt: { shape: NUMBER, about: 'A number, or a text that [reads as one](#numbers), above this.' },
  gte: { shape: NUMBER, about: 'At least this.' },
  lt: { shape: NUMBER, about: 'Below this.' },
  lte: { shape: NUMBER, about: 'At most this.' },
  in: {
    shape: { kind: 'list', item: VALUE, itemName: 'value', example: '[EUR, USD]' },
    about: 'Equal to one of these.',
  },
  contains: { shape: VALUE, about: 'A text with this text in it, or a list with this item.' },
  not_contains: { shape: VALUE, about: 'Present, and `contains` does not hold.' },
  matches: {
    shape: { kind: 'expression' },
    about: 'A text in which this [expression](#expressions) is found.',
  },
  exists: {
    shape: { kind: 'flag' },
    about: '`true`: the field is there, be it `null`. `false`: it is not.',
  },
};

/** A limit for an amount of money or the like. */
export const AMOUNT_MEMBERS: MemberShapes = {
  amount: { shape: PATH, about: 'Where the [amount](#amounts) stands.' },
  currency: { shape: PATH, about: 'Where its currency stands.' },
  above: {
    shape: { kind: 'limits' },
    about: 'Holds above this number; or by currency, `{EUR: 100, USD: 110}`.',
    required: 'add "above: 1000"',
  },
};

export const LOGIC_MEMBERS: MemberShapes = {
  all: { shape: CONDITIONS, about: 'Every condition of the list holds.' },
  any: { shape: CONDITIONS, about: 'At least one of them holds.' },
  not: { shape: CONDITION, about: 'The condition does not hold.' },
};

const WHEN = {
  shape: CONDITION,
  about: '[Conditions](#conditions) on the arguments. A list means that all of them hold.',
} as const;

const WINDOW: MapShape = {
  kind: 'map',
  members: {
    days: {
      shape: {
        kind: 'list',
        item: { kind: 'word', what: 'day', words: DAYS },
        itemName: 'day',
        isSet: true,
        example: '[mon, tue, wed, thu, fri]',
      },
      about: 'The days on which the window begins: `mon` to `sun`. Absent: every day.',
    },
    from: { shape: { kind: 'clock' }, about: 'When it begins, `"08:00"`. Absent: `"00:00"`.' },
    to: {
      shape: { kind: 'clock' },
      about: 'When it ends; the minute itself is outside. Not after `from`: the next day.',
    },
    zone: {
      shape: { kind: 'zone' },
      about: 'Time zone, as `Europe/Berlin`.',
      default: 'UTC',
    },
  },
  needsOneOf: ['days', 'from', 'to'],
};
const WINDOWS: ListShape = {
  kind: 'list',
  item: WINDOW,
  itemName: 'window',
  orOne: true,
  example: '{days: [mon, fri], from: "08:00", to: "18:00", zone: Europe/Berlin}',
};

const PER = {
  shape: { kind: 'duration', orSession: true },
  about: 'The period that slides with the clock: `30s`, `1m`, `24h`, `7d`; or `session`.',
  required: 'add "per: 1m", or "per: session"',
} as const;
const BY = {
  shape: { kind: 'word', what: 'scope', words: SCOPES },
  about: 'What is counted apart: calls of each `tool`, `server`, `agent`, `client`.',
  default: 'session',
} as const;

const RATE: MapShape = {
  kind: 'map',
  members: {
    max: {
      shape: { kind: 'whole', min: 0, max: MAX_COUNT, see: 'Rates' },
      about: 'Calls that may go on in the period; the rule matches the next one.',
      required: 'add "max: 10"',
    },
    per: PER,
    by: BY,
  },
};

const BUDGET: MapShape = {
  kind: 'map',
  members: {
    field: {
      shape: PATH,
      about: 'Where the [amount](#amounts) stands.',
      required: 'add "field: amount"',
    },
    currency: { shape: PATH, about: 'Where its currency stands; each is summed by itself.' },
    max: {
      shape: { kind: 'limits' },
      about: 'The rule matches a call that would bring the sum above this.',
      required: 'add "max: 1000"',
    },
    per: PER,
    by: BY,
  },
};

const STEP: MapShape = {
  kind: 'map',
  members: {
    tool_pattern: { shape: PATTERNS, about: 'As in a rule.' },
    operation_types: { shape: OPERATIONS, about: 'As in a rule.' },
    annotations: { shape: ANNOTATIONS, about: 'As in a rule.' },
    when: { shape: CONDITION, about: 'As in a rule.' },
    within: {
      shape: { kind: 'duration' },
      about: 'At most this long before the next step, or before the call.',
    },
  },
  needsOneOf: ['tool_pattern', 'operation_types', 'annotations', 'when'],
};

export const RULE_MEMBERS: MemberShapes = {
  name: {
    shape: { kind: 'text', oneLine: true },
    about: 'Names the rule in logs and receipts. Two rules of a file cannot share a name.',
    required: 'add "name: ..."; logs and receipts show it',
  },
  description: {
    shape: { kind: 'text' },
    about: 'Why the rule exists. When it blocks a call, the agent is told this text.',
    default: '',
  },
  enabled: {
    shape: { kind: 'flag' },
    about: '`false` keeps the rule in the file and out of force. It is still checked for mistakes.',
    default: true,
  },
  tool_pattern: {
    shape: PATTERNS,
    about: "The tool's own name: `mcp__github__delete_repo` is matched as `delete_repo`.",
  },
  server_pattern: { shape: PATTERNS, about: "The server's name, as `-name` gives it." },
  client_pattern: { shape: PATTERNS, about: 'The name that the MCP client gives itself.' },
  agent_pattern: { shape: PATTERNS, about: 'The agent, as `-issuer-name` or detection gives it.' },
  operation_types: { shape: OPERATIONS, about: 'See [Operation](#operation).' },
  min_risk_score: {
    shape: { kind: 'whole', min: 0, max: 100, see: 'Risk score' },
    about: 'The least [risk score](#risk-score) the call must have.',
  },
  annotations: {
    shape: ANNOTATIONS,
    about: 'What the server says about its tool; see [Annotations](#annotations).',
  },
  findings: {
    shape: {
      kind: 'list',
      item: { kind: 'word', what: 'finding', words: FINDING_CODES },
      itemName: 'finding',
      isSet: true,
      example: '[tool_drift, hidden_unicode]',
    },
    about: 'At least one of these was found; see [Findings](#findings).',
  },
  when: WHEN,
  during: { shape: WINDOWS, about: 'The call is made within one of these [windows](#time).' },
  outside: { shape: WINDOWS, about: 'The call is made within none of them.' },
  after: {
    shape: {
      kind: 'list',
      item: STEP,
      itemName: 'step',
      orOne: true,
      example: '{tool_pattern: "*secret*", within: 10m}',
    },
    about: 'Earlier calls of the session, in this order; see [Sequences](#sequences).',
  },
  rate: { shape: RATE, about: 'More calls than this in a period; see [Rates](#rates).' },
  budget: { shape: BUDGET, about: 'A sum above this in a period; see [Budgets](#budgets).' },
  action: {
    shape: { kind: 'word', what: 'action', words: ACTIONS },
    about: '`pass`, `flag`, `pause` or `block`.',
    required: `add "action: ..." with one of ${ACTIONS.join(', ')}`,
  },
  message: {
    shape: { kind: 'text', oneLine: true },
    about: 'What the agent is told in place of the description.',
  },
  hint: {
    shape: { kind: 'text', oneLine: true },
    about: 'What the agent is told to do instead.',
  },
};

const ENTRY: MapShape = {
  kind: 'map',
  members: {
    tool_pattern: { shape: PATTERNS, about: 'As in a rule.' },
    server_pattern: { shape: PATTERNS, about: 'As in a rule.' },
    client_pattern: { shape: PATTERNS, about: 'As in a rule.' },
    agent_pattern: { shape: PATTERNS, about: 'As in a rule.' },
  },
  needsOneOf: ['tool_pattern', 'server_pattern', 'client_pattern', 'agent_pattern'],
};
const ENTRIES: ListShape = {
  kind: 'list',
  item: { kind: 'entry', map: ENTRY },
  itemName: 'entry',
  example: '["read_*", {tool_pattern: "*", agent_pattern: ci}]',
};

export const FILE_MEMBERS: MemberShapes = {
  rules: {
    shape: {
      kind: 'list',
      item: { kind: 'map', members: RULE_MEMBERS },
      itemName: 'rule',
      mayBeEmpty: true,
      example: '- name: ...',
    },
    about: 'The rules; the list may be empty.',
    required: 'write "rules:" and the list of rules below it',
  },
  allow: {
    shape: ENTRIES,
    about: 'The only calls that may go on: everything else is blocked, as by a rule `allow list`.',
  },
  block: { shape: ENTRIES, about: 'Calls that are blocked, as by a rule `block list`.' },
  risk: {
    shape: { kind: 'word', what: 'kind of risk score', words: RISK_MODES },
    about: '`standard` as peers compute it, or [`extended`](#extended-risk).',
    default: 'standard',
  },
  on_drift: {
    shape: { kind: 'word', what: 'action', words: ACTIONS },
    about: 'What happens to a call when its tool, its server or its launch is not as before.',
    default: 'flag',
  },
  hide_blocked: {
    shape: { kind: 'flag' },
    about: 'Take tools that can only be blocked out of `tools/list`.',
    default: false,
  },
  workspace: {
    shape: {
      kind: 'list',
      item: { kind: 'text', oneLine: true },
      itemName: 'folder',
      orOne: true,
      example: '[/home/me/project]',
    },
    about: 'Folders that extended risk takes for the workspace, beside the one of the proxy.',
  },
  known_hosts: {
    shape: PATTERNS,
    about: 'Hosts that are not new to extended risk.',
  },
};
