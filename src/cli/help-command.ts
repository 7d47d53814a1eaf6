import type { Command } from 'commander'
import { examples } from './help.ts'
import { unknownCommand } from './unknown-command.ts'

/** `millrace help`: the same as `--help` behind a command. */
export function addHelp(program: Command): void {
  program
    .command('help [command...]')
    .summary('show what a command does')
    .description('Shows what a command does, as --help behind it does.')
    .action((names: readonly string[]) => find(program, names).outputHelp())
    .addHelpText('after', examples('help consume', 'help topics create'))
}

function find(program: Command, names: readonly string[]): Command {
  let found = program
  for (const name of names) {
    const next = found.commands.find(command => command.name() === name)
    if (next === undefined) throw unknownCommand(found, name)
    found = next
  }
  return found
}
