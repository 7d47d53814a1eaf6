import { Argument, type Command } from 'commander'
import { examples } from './help.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** `millrace completion`. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('print a script that lets a shell complete commands and options')
    .description(
      'Prints a script for a shell. With it, TAB completes commands, options, and values where they are known.',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .action(async (shell: Shell) => {
      const [{ completionScript }, { writeText }] = await Promise.all([
        import('./completion.ts'),
        import('./output.ts'),
      ])
      await writeText(completionScript(shell, program))
    })
    .addHelpText(
      'after',
      `
Where to put it:
  bash  source <(millrace completion bash)                       in ~/.bashrc
  zsh   source <(millrace completion zsh)                        in ~/.zshrc, behind compinit
  fish  millrace completion fish > ~/.config/fish/completions/millrace.fish
${examples('completion bash', 'completion fish')}`,
    )
}
