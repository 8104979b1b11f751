import type { CatalogueEntry } from './catalogue.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that completes `obsigna` in a shell. It starts no program when a key is pressed. */
export function completionScript(shell: Shell, entries: readonly CatalogueEntry[]): string {
  if (shell === 'bash') return bash(entries);
  return shell === 'zsh' ? zsh(entries) : fish(entries);
}

/** The words typed so far that are no flags, as far as they name commands, joined by spaces. */
const WALK = (entries: readonly CatalogueEntry[]) =>
  entries
    .filter(({ words }) => words.length > 0)
    .map(({ words }) => quote(words.join(' ')))
    .join('|');

function bash(entries: readonly CatalogueEntry[]): string {
  const cases = entries.map(({ words, below, flags }) => {
    const next = below.map(([word]) => word).join(' ');
    const options = flags.map(({ name }) => name).join(' ');
    const values = flags.filter(({ takesValue }) => takesValue).map(({ name }) => name);
    return `    ${quote(words.join(' '))}) next=${quote(next)}; flags=${quote(options)}; values=${quote(` ${values.join(' ')} `)} ;;`;
  });
  return `# bash completion of obsigna: source it, or keep it as
# ~/.local/share/bash-completion/completions/obsigna
_obsigna() {
  local word="\${COMP_WORDS[COMP_CWORD]}" last="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" next="" flags="" values="" dash i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${WALK(entries)}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ "$last" == -* ]]; then
    dash="\${last#-}"
    [[ "$values" == *" \${dash#-} "* ]] && return
  fi
  if [[ "$word" == -* ]]; then
    dash="-"
    [[ "$word" == --* ]] && dash="--"
    COMPREPLY=($(compgen -P "$dash" -W "$flags" -- "\${word#"$dash"}"))
  else
    COMPREPLY=($(compgen -W "$next" -- "$word"))
  fi
}
complete -o default -F _obsigna obsigna
`;
}

function zsh(entries: readonly CatalogueEntry[]): string {
  const describe = (name: string, rows: readonly (readonly [string, string])[]) =>
    `${name}=(${rows.map(([word, about]) => quote(`${word}:${about.replaceAll(':', ' -')}`)).join(' ')})`;
  const cases = entries.map(({ words, below, flags }) => {
    const options = flags.map(({ name, about }) => [`-${name}`, about] as const);
    const values = flags.filter(({ takesValue }) => takesValue).map(({ name }) => name);
    return `    ${quote(words.join(' '))}) ${describe('next', below)}; ${describe('flags', options)}; values=${quote(` ${values.join(' ')} `)} ;;`;
  });
  return `#compdef obsigna
# zsh completion of obsigna: keep it as _obsigna in a folder of $fpath
_obsigna() {
  local entry="" values="" last="\${words[CURRENT-1]}" dash i
  local -a next flags
  for ((i = 2; i < CURRENT; i++)); do
    case "\${entry:+$entry }\${words[i]}" in
      ${WALK(entries)}) entry="\${entry:+$entry }\${words[i]}" ;;
    esac
  done
  case "$entry" in
${cases.join('\n')}
  esac
  dash="\${last#-}"
  if [[ "$last" == -* && "$values" == *" \${dash#-} "* ]]; then
    _files
  elif [[ "$PREFIX" == -* ]]; then
    [[ "$PREFIX" == --* ]] && flags=("\${flags[@]/#/-}")
    _describe option flags
  elif (( \${#next} )); then
    _describe command next
  else
    _files
  fi
}
if [[ "$funcstack[1]" == _obsigna ]]; then
  _obsigna "$@"
else
  compdef _obsigna obsigna
fi
`;
}

function fish(entries: readonly CatalogueEntry[]): string {
  const lines = entries.flatMap(({ words, below, flags }) => {
    const at = `__obsigna_at "${words.join(' ')}"`;
    return [
      ...below.map(
        ([word, about]) => `complete -c obsigna -f -n ${quote(at)} -a ${word} -d ${quote(about)}`,
      ),
      ...flags.map(
        ({ name, about, takesValue }) =>
          `complete -c obsigna -n ${quote(at)} -l ${name}${takesValue ? ' -r' : ''} -d ${quote(about)}`,
      ),
    ];
  });
  return `# fish completion of obsigna: keep it as ~/.config/fish/completions/obsigna.fish
function __obsigna_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch (string trim "$at $word")
      case ${entries
        .filter(({ words }) => words.length > 0)
        .map(({ words }) => quote(words.join(' ')))
        .join(' ')}
        set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** In single quotes, for all three shells. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '').replaceAll("'", '’')}'`;
}
