/** Longer texts are read up to here; a statement that is hidden behind is still a long text. */
const MAX_LENGTH = 1_000_000;
const CHANGES =
  /^(?:delete from |update [^ ]+ set [^=]+=|truncate |drop |alter |grant |revoke |merge into )/;
const UNBOUND = /^(?:truncate|drop|alter|grant|revoke)\b/;
const TARGETS =
  /^(?:truncate (?:table )?|(?:drop|alter) (?:table|database|schema|index|view|user|role|column|trigger|function)\b|grant [^;]*\bto |revoke [^;]*\bfrom )/;
/** Conditions that hold for every row. */
const ALWAYS = /\bwhere \(*(?:true|1|not false|1 ?= ?1|'' ?= ?''|0 ?= ?0)\)*(?: or\b.*)?$/;
const OR_ALWAYS = /\bor \(*(?:true|1 ?= ?1|'' ?= ?''|0 ?= ?0)/;

/**
 * What is dangerous in a text if it is SQL, statement by statement; undefined if nothing is. Comments
 * and quoted texts are taken out first, so that a `where` in one clears nothing.
 */
export function findDangerousSql(text: string): string | undefined {
  if (
    !/\b(?:delete|update|truncate|drop|alter|grant|revoke|merge)\b/i.test(text.slice(0, MAX_LENGTH))
  ) {
    return undefined;
  }
  for (const statement of bareStatements(text.slice(0, MAX_LENGTH))) {
    const found = judge(statement);
    if (found !== undefined) return found;
  }
  return undefined;
}

function judge(statement: string): string | undefined {
  // `with x as (...) delete from ...` changes as much as the bare statement.
  const change = statement.startsWith('with ')
    ? (/\) ?((?:delete from|update [^ ]+ set|merge into)\b.*)$/.exec(statement)?.[1] ?? '')
    : statement.replace(/^explain analyze /, '');
  if (!CHANGES.test(change)) return undefined;
  const verb = /^[a-z]+/.exec(change)?.[0] ?? '';
  if (UNBOUND.test(change)) return TARGETS.test(change) ? `SQL ${verb}` : undefined;
  if (verb === 'merge') return 'SQL merge';
  if (!/\bwhere\b/.test(change)) return `SQL ${verb} without where`;
  if (ALWAYS.test(change) || OR_ALWAYS.test(change)) return `SQL ${verb} where everything fits`;
  return undefined;
}

/** Statements in lower case with single blanks, without comments, every quoted text as `''`. */
function bareStatements(sql: string): string[] {
  let bare = '';
  let at = 0;
  while (at < sql.length) {
    const end = endOfSpecial(sql, at);
    if (end === undefined) {
      bare += sql[at];
      at += 1;
      continue;
    }
    const part = sql.slice(at, end);
    if (part.startsWith("'") || part.startsWith('$$')) bare += "''";
    // A quoted name is a name; what separates words in it does not.
    else if (part.startsWith('"') || part.startsWith('`')) bare += part.replaceAll(/[\s;]/g, '_');
    else bare += ' ';
    at = end;
  }
  return bare.split(';').map((it) => it.replaceAll(/\s+/g, ' ').trim().toLowerCase());
}

/**
 * Where the comment or quotation that begins here ends, behind its last character; undefined if none
 * begins. What is not closed ends with the text, so that every character is looked at once.
 */
function endOfSpecial(sql: string, at: number): number | undefined {
  const two = sql.slice(at, at + 2);
  if (two === '--') return endBehind(sql, '\n', at + 2);
  if (two === '/*') return endBehind(sql, '*/', at + 2);
  if (two === '$$') return endBehind(sql, '$$', at + 2);
  const one = two.charAt(0);
  return one === "'" || one === '"' || one === '`' ? endBehind(sql, one, at + 1) : undefined;
}

function endBehind(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from);
  return found === -1 ? sql.length : found + mark.length;
}
