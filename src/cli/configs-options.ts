import type { Command } from 'commander'
import { parseSettings, parseTexts } from './arguments.ts'

/** What the commands have that show and change settings. */
export function withConfigChanges(command: Command): Command {
  return command
    .option('-a, --all', 'inherited settings too')
    .option('--set <name=value>', 'a new value; may be repeated', parseSettings)
    .option('--append <name=value>', 'add an element to a list; may be repeated', parseSettings)
    .option('--subtract <name=value>', 'take an element out of a list; may be repeated', parseSettings)
    .option('--delete <name>', 'back to what is inherited; may be repeated', parseTexts)
    .option('--dry-run', 'only tell whether it could be changed')
    .option('--json', 'one JSON object per setting and line')
}
