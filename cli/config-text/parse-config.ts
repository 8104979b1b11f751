import { CodedError } from '../../shared/errors.ts';
import { parseJsonText } from './json-text.ts';
import { positionOf, type ConfigText, type Format, type TextNode } from './node.ts';
import { TextFault } from './text-fault.ts';
import { parseTomlText } from './toml-text.ts';
import { parseYamlText } from './yaml-text.ts';

const PARSERS: Readonly<Record<Format, (text: string) => TextNode>> = {
  json: parseJsonText,
  yaml: parseYamlText,
  toml: parseTomlText,
};

/**
 * Reads a configuration file of a client.
 *
 * @param path - For the message only.
 * @throws CodedError `CLIENT_FILE_INVALID` with line and column; the message quotes nothing of the file
 */
export function parseConfig(format: Format, text: string, path: string): ConfigText {
  try {
    return { format, text, root: PARSERS[format](text) };
  } catch (cause) {
    if (!(cause instanceof TextFault)) throw cause;
    const { line, column } = positionOf(text, cause.offset);
    const message = `${path}:${line}:${column}: not ${format.toUpperCase()}: ${cause.message}`;
    throw new CodedError('CLIENT_FILE_INVALID', message, { cause });
  }
}
