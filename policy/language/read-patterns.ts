import { compilePattern } from '../../shared/pattern/compile-pattern.ts';
import { PatternError } from '../../shared/pattern/pattern-syntax.ts';
import { quote, readText, type Member } from '../../shared/yaml/read-map.ts';
import type { YamlSource } from '../../shared/yaml/yaml-source.ts';
import { MAX_EXPRESSION_STEPS } from '../conditions/argument-condition.ts';
import { compilePath, PathError } from '../conditions/argument-path.ts';
import { compileGlob, GlobError } from '../glob.ts';

export function readPattern(source: YamlSource, member: Member): string | undefined {
  const pattern = readText(source, member);
  if (pattern === undefined) return undefined;
  const { name } = member;
  if (pattern === '') {
    // Elsewhere an empty pattern means "every tool", by its own rules it means "no tool".
    const remedy = `leave "${name}" out to match everything`;
    source.report(member.value, `"${name}" is empty`, remedy);
    return undefined;
  }
  return readCompiled(source, member, pattern, compileGlob, 'Patterns');
}

export function readPath(source: YamlSource, member: Member): string | undefined {
  const path = readText(source, member);
  return path === undefined ? undefined : readCompiled(source, member, path, compilePath, 'Paths');
}

export function readExpression(source: YamlSource, member: Member): string | undefined {
  const text = readText(source, member);
  if (text === undefined) return undefined;
  const compile = (expression: string) => compilePattern(expression, MAX_EXPRESSION_STEPS);
  return readCompiled(source, member, text, compile, 'Expressions');
}

/** A text that is compiled here only to find out whether it can be. */
function readCompiled(
  source: YamlSource,
  member: Member,
  text: string,
  compile: (text: string) => unknown,
  section: string,
): string | undefined {
  try {
    compile(text);
    return text;
  } catch (error) {
    const isOurs =
      error instanceof GlobError || error instanceof PathError || error instanceof PatternError;
    if (!isOurs) throw error;
    const at = `"${member.name}" ${quote(text)} is malformed at character ${error.offset + 1}`;
    source.report(member.value, `${at}: ${error.message}`, `see "${section}" in docs/rules.md`);
    return undefined;
  }
}
