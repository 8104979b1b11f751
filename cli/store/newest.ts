import type Database from 'better-sqlite3';

/** What `list` can ask for; every member that is given must fit. */
export interface ReceiptFilter {
  readonly chain?: string;
  /** Tool name, or the action type of a receipt without one; `*` stands for any text. */
  readonly tool?: string;
  readonly risk?: string;
  readonly status?: string;
  /** `YYYY-MM-DDTHH:MM:SS`, compared as text, both ends included. */
  readonly since?: string;
  readonly until?: string;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly string[];
  /** Columns whose index answers this condition without a look at every receipt. */
  readonly columns: readonly string[];
}

const ORDERS: Readonly<Record<NewestBy, string>> = {
  time: 'timestamp DESC, sequence DESC, rowid DESC',
  writing: 'rowid DESC',
};

/** Receipts passed over in the order of the list before an index must take over. */
const WINDOW = 100_000;

/** What `newest` means where no chain is asked for: by the time in the receipts, or as they were written. */
export type NewestBy = 'time' | 'writing';

/**
 * Row ids of the receipts that fit, newest first: within a chain by sequence, otherwise as asked.
 *
 * Time and chain have an index, and so has the order; the rest is a matter of luck. What is
 * frequent is found among the newest receipts at once. What is rare is found through its own index,
 * where the store has one; where it has none the search stops, and says so.
 */
export function* findNewest(
  db: Database.Database,
  filter: ReceiptFilter,
  limit: number | undefined,
  gaveUp: (lookedAt: number) => void,
  by: NewestBy = 'time',
): IterableIterator<number> {
  const [range, rest] = conditionsOf(filter);
  const order = filter.chain === undefined ? ORDERS[by] : 'sequence DESC, rowid DESC';
  const { sql: fits, values: asked } = all(rest);
  const scan = db.prepare(
    `SELECT rowid AS id, (${fits}) AS fits FROM receipts WHERE ${range.sql} ORDER BY ${order}`,
  );
  const values = [...asked, ...range.values];
  const found: number[] = [];
  let misses = 0;
  let isExhausted = true;
  for (const row of scan.iterate(...values) as Iterable<{ id: number; fits: number }>) {
    if (row.fits !== 1) misses += 1;
    else if (limit === undefined) yield row.id;
    else found.push(row.id);
    if (found.length === limit) break;
    if (limit !== undefined && misses === WINDOW) {
      isExhausted = false;
      break;
    }
  }
  if (limit !== undefined && !isExhausted) {
    if (rest.some((condition) => isIndexed(db, condition))) {
      // The plus sign keeps SQLite from walking the order again instead of the filter's index.
      const plus = order.replace(/^\w+/, (name) => `+${name}`);
      const indexed = db.prepare(
        `SELECT rowid FROM receipts WHERE ${fits} AND ${range.sql} ORDER BY ${plus} LIMIT ?`,
      );
      yield* indexed.pluck().all(...values, limit) as number[];
      return;
    }
    gaveUp(misses + found.length);
  }
  yield* found;
}

/**
 * The rows that fit behind one row and up to another, in the order of writing. The plus sign keeps
 * SQLite from an index of the filter, which knows more than the few rows in between.
 */
export function rowsBetween(
  db: Database.Database,
  columns: string,
  filter: ReceiptFilter,
  [after, last]: readonly [after: number, last: number],
): Iterable<unknown> {
  const { sql, values } = all(conditionsOf(filter).flat());
  const rows = db.prepare(
    `SELECT ${columns} FROM receipts WHERE rowid > ? AND rowid <= ? AND +(${sql}) ORDER BY rowid`,
  );
  return rows.iterate(after, last, ...values);
}

/** What the walk itself is bounded by, and what is asked of each receipt on the way. */
function conditionsOf(filter: ReceiptFilter): [range: Condition, rest: readonly Condition[]] {
  const { chain, since, until, tool, risk, status } = filter;
  const times = [
    ...compare('timestamp', '>=', since),
    // The second itself and every fraction of it sort before its `Z`.
    ...compare('timestamp', '<=', until === undefined ? undefined : `${until}Z`),
  ];
  const rest = [
    ...(tool === undefined ? [] : [toolCondition(tool)]),
    ...compare('risk_level', '=', risk),
    ...compare('status', '=', status),
  ];
  if (chain === undefined) return [all(times), rest];
  return [all(compare('chain_id', '=', chain)), [...times, ...rest]];
}

function compare(
  column: string,
  operator: string,
  value: string | undefined,
): readonly Condition[] {
  if (value === undefined) return [];
  return [{ sql: `${column} ${operator} ?`, values: [value], columns: [column] }];
}

function all(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? '1' : conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
    columns: [],
  };
}

function toolCondition(tool: string): Condition {
  const prefix = tool.slice(0, tool.indexOf('*') === -1 ? undefined : tool.indexOf('*'));
  const matches =
    prefix === tool
      ? { sql: (column: string) => `${column} = ?`, values: [tool] }
      : {
          // The range is what an index can answer; GLOB alone could not use one.
          sql: (column: string) => `(${column} >= ? AND ${column} < ? AND ${column} GLOB ?)`,
          values: [prefix, `${prefix}\u{10ffff}`, tool.replace(/[?[]/g, '[$&]')],
        };
  const sql = `(${matches.sql('tool_name')} OR (tool_name = '' AND ${matches.sql('action_type')}))`;
  const columns = prefix === '' ? [] : ['tool_name', 'action_type'];
  return { sql, values: [...matches.values, ...matches.values], columns };
}

function isIndexed(db: Database.Database, { columns }: Condition): boolean {
  const indices = db.pragma('index_list(receipts)') as readonly { readonly name: string }[];
  const leading = new Set(
    indices.map(({ name }) => {
      const info = db.prepare('SELECT name FROM pragma_index_info(?) WHERE seqno = 0');
      return info.pluck().get(name) as string;
    }),
  );
  return columns.length > 0 && columns.every((column) => leading.has(column));
}
