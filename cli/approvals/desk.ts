import { ApprovalLine } from '../../emitter/approval-line.ts';
import { defaultSocketPath } from '../../emitter/default-socket.ts';
import { CodedError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json/value.ts';
import { textOf } from './render.ts';

export const socketFlag = {
  type: 'string',
  placeholder: 'PATH',
  describe: "daemon's socket",
  env: 'AGENTRECEIPTS_SOCKET',
} as const;

/** Shortest beginning of an id that names a question. */
const MIN_ID = 4;

/** Questions of all proxies of the machine, seen through the daemon. */
export class ApprovalDesk {
  readonly #line: ApprovalLine;

  /** @throws CodedError `DAEMON_UNREACHABLE`, `APPROVALS_UNAVAILABLE` */
  static async open(given: string | undefined): Promise<ApprovalDesk> {
    const socketPath = given ?? defaultSocketPath();
    if (socketPath === '') throw new CodedError('USAGE', '-socket is required');
    return new ApprovalDesk(await ApprovalLine.connect({ socketPath, client: 'obsigna' }));
  }

  private constructor(line: ApprovalLine) {
    this.#line = line;
  }

  close(): void {
    this.#line.close();
  }

  async list(): Promise<readonly JsonObject[]> {
    const { approvals = [] } = await this.#line.request({ op: 'list' });
    return approvals;
  }

  /** @throws CodedError `APPROVAL_UNKNOWN`, `USAGE` for a beginning that several ids have */
  async find(start: string): Promise<JsonObject> {
    if (!/^[0-9a-f]+$/.test(start) || start.length < MIN_ID) {
      const message = `${JSON.stringify(start)} is no id: give at least ${MIN_ID} hex digits of one`;
      throw new CodedError('USAGE', message);
    }
    const all = await this.list();
    const found = all.filter(({ id }) => textOf(id).startsWith(start));
    const [first] = found;
    if (first === undefined) {
      throw new CodedError('APPROVAL_UNKNOWN', `no question ${start} waits`);
    }
    if (found.length > 1) {
      throw new CodedError('USAGE', `${found.length} ids begin with ${start}: give more digits`);
    }
    const { approvals = [] } = await this.#line.request({ op: 'show', id: first['id'] ?? '' });
    return approvals[0] ?? first;
  }

  /** @throws CodedError `APPROVAL_…` with the reason why the answer does not count */
  async answer(answer: JsonObject): Promise<void> {
    await this.#line.request({ ...answer, op: 'answer' });
  }
}
