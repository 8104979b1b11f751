import { readFileSync, statSync } from 'node:fs';
import { CodedError } from '../../shared/errors.ts';
import { isOwnHeader } from '../../shared/own-header.ts';
import type { RawHeaders } from '../http/headers.ts';
import { TOKEN } from './request-headers.ts';

/** `Name=VARIABLE`: a header, and the variable of the environment that has its value. */
export interface HeaderVariable {
  readonly name: string;
  readonly variable: string;
  /** What stands in front of the value: `Bearer `. */
  readonly scheme?: string;
}

/** Bits that let anybody but the owner read or write a file. */
const OTHERS = 0o066;

/**
 * Headers that go with every request, of variables and of a file. No error names a value.
 *
 * @throws CodedError `CREDENTIALS_INVALID`
 */
export function readCredentials(
  variables: readonly HeaderVariable[],
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): RawHeaders {
  const given = variables.flatMap(({ name, variable, scheme = '' }) => {
    const value = env[variable];
    if (value === undefined || value === '') throw invalid(`the variable ${variable} is not set`);
    return header(name, scheme + value, `the variable ${variable}`);
  });
  return [...given, ...(file === undefined ? [] : headersIn(file))];
}

/** Lines `Name: value`; empty lines and those that begin with `#` count for nothing. */
function headersIn(file: string): RawHeaders {
  const lines = textOf(file).split(/\r?\n/);
  return lines.flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const where = `${file}:${index + 1}`;
    const colon = line.indexOf(':');
    if (colon === -1) throw invalid(`${where} is not "Name: value"`);
    return header(line.slice(0, colon), line.slice(colon + 1).trim(), where);
  });
}

function textOf(file: string): string {
  try {
    const { mode } = statSync(file);
    if ((mode & OTHERS) !== 0) throw invalid(`others may read or write ${file}`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    const { code = 'unreadable' } = cause as NodeJS.ErrnoException;
    throw invalid(`cannot read ${file} (${code})`, { cause });
  }
}

function header(name: string, value: string, where: string): readonly [string, string] {
  if (!TOKEN.test(name)) throw invalid(`${where}: the name is not one of a header`);
  if (isOwnHeader(name)) throw invalid(`${where}: ${name} is not yours to set`);
  if (!/^[\x20-\x7e\t\x80-\xff]+$/.test(value)) {
    throw invalid(`${where}: the value of ${name} is empty, or holds what no header can`);
  }
  return [name, value];
}

function invalid(message: string, options?: ErrorOptions): CodedError {
  return new CodedError('CREDENTIALS_INVALID', message, options);
}
