import { CodedError } from '../../shared/errors.ts';
import type { Cli, ExitCode } from '../cli.ts';
import { defineVerb, type VerbInput } from '../verb.ts';
import { catalogue } from './catalogue.ts';
import { completionScript, SHELLS } from './scripts.ts';

const spec = {} as const;

const notes = `
  bash:  obsigna completion bash > ~/.local/share/bash-completion/completions/obsigna
  zsh:   obsigna completion zsh > "\${fpath[1]}/_obsigna"
  fish:  obsigna completion fish > ~/.config/fish/completions/obsigna.fish

Print it again after an update. Exit codes: 0 printed; 2 no such shell.
`;

/** `obsigna completion` */
export const completionCommand = defineVerb({
  name: 'completion',
  operands: ['bash|zsh|fish'],
  about: 'Prints a script that completes commands and options in a shell.',
  spec,
  notes,
  run: completion,
});

async function completion({ operands }: VerbInput<typeof spec>, cli: Cli): Promise<ExitCode> {
  const shell = SHELLS.find((known) => known === operands[0]);
  if (shell === undefined) {
    throw new CodedError('USAGE', `expected a shell: ${SHELLS.join(', ')}`);
  }
  // At run time, because the tree holds this command too.
  const { ROOT } = await import('../commands.ts');
  cli.out.write(completionScript(shell, await catalogue(ROOT)));
  return 0;
}
