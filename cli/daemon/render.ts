import { CodedError } from '../../shared/errors.ts';

/** What a template of a service file leaves open. */
export interface ServiceValues {
  /** Absolute: the program, and the script where the program is Node. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly flags: readonly string[];
  readonly log: string;
}

/**
 * Fills in a systemd unit. Every word is quoted: paths hold spaces, and `%` and `$` mean something.
 *
 * @see systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers"
 */
export function renderUnit(template: string, { command, flags }: ServiceValues): string {
  const [program, ...args] = command;
  const words = (list: readonly string[]) => list.map((word) => ` ${quote(word, '$$')}`).join('');
  return replaceAll(withoutNotes(template), {
    // Variables are not expanded in the first word, so a `$` is itself there.
    '@NODE@': quote(program, '$'),
    ' @DAEMON@': words(args),
    '@FLAGS@': words(flags),
  });
}

/** Fills in a launchd property list. */
export function renderPlist(template: string, { command, flags, log }: ServiceValues): string {
  const [program, ...args] = command;
  const strings = (list: readonly string[]) =>
    list.map((word) => `    <string>${escapeXml(word)}</string>\n`).join('');
  return replaceAll(withoutNotes(template), {
    '@NODE@': escapeXml(program),
    '    <string>@DAEMON@</string>\n': strings(args),
    '    @FLAGS@\n': strings(flags),
    '@LOG@': escapeXml(log),
  });
}

/** What is true of the template only. */
function withoutNotes(template: string): string {
  return template.replace(/^(?:#|<!--) A template: .*\n/m, '');
}

function replaceAll(text: string, values: Readonly<Record<string, string>>): string {
  const places = Object.keys(values);
  const any = new RegExp(places.map((place) => place.replace(/[/<>]/g, '\\$&')).join('|'), 'g');
  // In one pass: a path that holds `@FLAGS@` is a path.
  return text.replace(any, (place) => values[place] as string);
}

function quote(word: string, dollar: string): string {
  refuseControls(word);
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', () => dollar);
  return `"${escaped}"`;
}

function escapeXml(word: string): string {
  refuseControls(word);
  return word.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function refuseControls(word: string): void {
  for (const character of word) {
    if (character < ' ' || character === '\u007f') {
      throw new CodedError('USAGE', `${JSON.stringify(word)} cannot stand in a service file`);
    }
  }
}
