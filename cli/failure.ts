import { CodedError, type ErrorCode } from '../shared/errors.ts';
import type { Cli, ExitCode } from './cli.ts';
import { BrokenPipe } from './output.ts';
import { printable } from './terminal.ts';

/** Every other fault ends with 2. */
const EXIT_CODES: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  RECEIPT_NOT_FOUND: 1,
  PROGRAM_MISSING: 1,
  SERVER_UNKNOWN: 1,
  APPROVAL_UNKNOWN: 1,
  APPROVAL_USED: 1,
  APPROVAL_EXPIRED: 1,
  APPROVAL_MISMATCH: 1,
  APPROVAL_VOID: 1,
  APPROVAL_UNAUTHORIZED: 1,
  DISCLOSURE_NONE: 1,
  DISCLOSURE_MISMATCH: 3,
  ENVELOPE_INVALID: 3,
  ENVELOPE_NOT_OPENED: 3,
  FORENSIC_KEY_INVALID: 3,
  FORENSIC_KEY_UNREADABLE: 3,
};

/**
 * Turns what a command threw into lines and an exit code: 1 where the answer is "there is none", 2
 * where the question could not be answered, 3 where a sealed payload stays closed, 0 when nobody reads
 * on.
 *
 * @param program - Who speaks, such as `obsigna receipt show`.
 */
export function reportFailure(cli: Cli, program: string, error: unknown): ExitCode {
  if (error instanceof BrokenPipe) return 0;
  const fault = error instanceof CodedError ? error : internal(error);
  cli.say.log(`${program}: ${printable(fault.message)}`);
  cli.say.log(`  fix: ${fault.remedy}`);
  cli.say.log(`  code: ${fault.code}`);
  return EXIT_CODES[fault.code] ?? 2;
}

function internal(cause: unknown): CodedError {
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return new CodedError('INTERNAL', message, { cause });
}
