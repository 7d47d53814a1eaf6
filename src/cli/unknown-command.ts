import type { Command } from 'commander'
import { CommandError, exitCodes } from './failure.ts'

/** What is no command of this one. `advice` says what may have been meant. */
export function unknownCommand(parent: Command, name: string, advice = ''): CommandError {
  const known = parent.commands.map(command => command.name()).join(', ')
  const has = known === '' ? 'has no commands of its own' : `has ${known}`
  return new CommandError(exitCodes.usage, 'USAGE', `unknown command '${name}': ${pathOf(parent)} ${has}${advice}`)
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}
