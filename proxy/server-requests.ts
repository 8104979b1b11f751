import type { Buffer } from 'node:buffer';
import { decide, messageOf, type Decision } from '../policy/decide.ts';
import { compileGlob, foldText, type FoldedText } from '../policy/glob.ts';
import { listOf, type Rule, type RuleSet } from '../policy/rule.ts';
import { decodeUtf8, parseJson } from '../shared/json/text.ts';
import type { JsonObject } from '../shared/json/value.ts';
import { errorAnswer, RPC_BLOCKED, RPC_INTERNAL } from './answers.ts';
import type { ClientReply, ToolCall } from './inspect.ts';
import { idKey, MAX_OPEN_CALLS } from './open-requests.ts';
import { printable, type ProxyLog } from './proxy-log.ts';
import type { OpenRecord, Recorder } from './recorder.ts';
import { SERVER_METHODS, type ServerMethod, type ServerRequest } from './server-message.ts';

export interface ServerRequestsOptions {
  readonly serverName: string;
  readonly recorder: Recorder;
  readonly log: ProxyLog;
  /** What a receipt says of a decision. */
  readonly context: (decision: Decision) => JsonObject;
}

/**
 * What the server asks of the client: sampling, elicitation, roots. Decided by the rules that name
 * such a request, and recorded like a call, in the other direction.
 */
export class ServerRequests {
  readonly #options: ServerRequestsOptions;
  /** What the client has not answered yet; the server may use an id again. */
  readonly #open = new Map<string, OpenRecord>();

  constructor(options: ServerRequestsOptions) {
    this.#options = options;
  }

  /**
   * Decides about a request, and opens its record where it may pass.
   *
   * @returns What the server gets instead of an answer of the client, where it may not
   */
  consider(rules: RuleSet, request: ServerRequest): Buffer | undefined {
    const { recorder, log } = this.#options;
    const { method, id, params } = request;
    const call = asCall(request);
    if (this.#open.size >= MAX_OPEN_CALLS) {
      const error = `${MAX_OPEN_CALLS} requests of the server are open already`;
      const context = { action: 'block', refused: 'TOO_MANY_OPEN_CALLS', direction: 'server' };
      recorder.denied({ tool: method, call, context }, error);
      return errorAnswer(id, RPC_INTERNAL, error);
    }
    const decision = this.#decide(rules, method, params);
    const context = { ...this.#options.context(decision), direction: 'server' };
    const refusal = refusalOf(decision);
    if (refusal !== undefined) {
      log(`BLOCKED ${method} of the server (rule: ${printable(decision.rule?.name ?? '')})`);
      recorder.denied({ tool: method, call, context }, refusal);
      return errorAnswer(id, RPC_BLOCKED, refusal);
    }
    if (decision.action === 'flag') log(`FLAGGED ${method} of the server`);
    const record = recorder.begin({ tool: method, call, context });
    record.durable?.catch(() => undefined); // it has the client's attention already
    const key = idKey(id);
    this.#open.get(key)?.unknown('outcome unknown: the server used the id again');
    this.#open.set(key, record);
    return undefined;
  }

  /** Why a request that is carried by a result may not reach the client; undefined where it may. */
  refusal(rules: RuleSet, method: ServerMethod, params: Buffer | undefined): string | undefined {
    return refusalOf(this.#decide(rules, method, params));
  }

  answered({ id, result, error }: ClientReply): void {
    if (this.#open.size === 0) return;
    const key = idKey(id);
    const record = this.#open.get(key);
    this.#open.delete(key);
    record?.answered({ output: result, error });
  }

  end(what: string): void {
    for (const record of this.#open.values()) {
      record.unknown(`outcome unknown: ${what} before the client answered`);
    }
    this.#open.clear();
  }

  #decide(rules: RuleSet, method: ServerMethod, params: Buffer | undefined): Decision {
    return decide(rulesAboutServer(rules), {
      server: this.#options.serverName,
      tool: method,
      arguments: () => (params === undefined ? undefined : parseJson(decodeUtf8(params))),
      nowMs: Date.now(),
    });
  }
}

/** Nobody can be asked in time about a question to a person: a pause is a refusal here. */
function refusalOf({ action, rule }: Decision): string | undefined {
  if (action !== 'block' && action !== 'pause') return undefined;
  return `blocked by policy: ${rule === undefined ? '' : messageOf(rule)}`;
}

function asCall({ method, params }: ServerRequest): ToolCall {
  // Without the id: in receipts it would look like one of the client.
  return { name: method, id: undefined, arguments: params, toolUseId: undefined, wantsTask: false };
}

const filtered = new WeakMap<RuleSet, RuleSet>();

/**
 * The rules that name a request of the server in their `tool_pattern`. A rule that says nothing
 * about the name is about calls: one against all calls must not cut off a person who is asked.
 */
function rulesAboutServer(rules: RuleSet): RuleSet {
  const known = filtered.get(rules);
  if (known !== undefined) return known;
  const methods = SERVER_METHODS.map(foldText);
  const compiled = rules.compiled.filter(({ rule }) => namesOneOf(methods, rule));
  const { source, knownHosts } = rules;
  const about: RuleSet = {
    rules: rules.rules,
    source,
    knownHosts,
    compiled,
    settings: {},
    // Made when it is asked for: this stands before the first message of every server.
    get canonicalText() {
      return rules.canonicalText;
    },
  };
  filtered.set(rules, about);
  return about;
}

/** Whether any rule is about requests of the server: without one, nothing of it is held back. */
export function guardsServerRequests(rules: RuleSet): boolean {
  return rulesAboutServer(rules).compiled.length > 0;
}

function namesOneOf(methods: readonly FoldedText[], { toolPattern }: Rule): boolean {
  return listOf(toolPattern).some((pattern) => {
    const glob = compileGlob(pattern);
    return methods.some((method) => glob.matchesFolded(method));
  });
}
