import type { Command } from 'commander'
import { CommandError, exitCodes } from './failure.ts'
import { examples } from './help.ts'

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
    if (next === undefined) {
      const known = found.commands.map(command => command.name()).join(', ')
      const has = known === '' ? 'has no commands of its own' : `has ${known}`
      throw new CommandError(exitCodes.usage, 'USAGE', `unknown command '${name}': ${path(found)} ${has}`)
    }
    found = next
  }
  return found
}

function path(command: Command): string {
  return command.parent === null ? command.name() : `${path(command.parent)} ${command.name()}`
}
