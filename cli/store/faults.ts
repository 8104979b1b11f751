import { CodedError } from '../../shared/errors.ts';

/** The words of the database driver in ours; every other error as it is. */
export function translateFault(error: unknown, path: string): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (error instanceof CodedError || typeof code !== 'string') return error;
  if (!code.startsWith('SQLITE_')) return error;
  const damaged = /^SQLITE_(CORRUPT|NOTADB|FORMAT|SCHEMA|ERROR)/.test(code);
  const text = `${path}: ${String(message)}`;
  return new CodedError(damaged ? 'STORE_INVALID' : 'STORE_UNAVAILABLE', text, { cause: error });
}
