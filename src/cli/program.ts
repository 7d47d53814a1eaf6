import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { toError } from '../base/errors.ts'
import { addBroker } from './broker-command.ts'
import { addCluster } from './cluster-command.ts'
import { EXIT_CODES } from './common-options.ts'
import { addCompletion } from './completion-command.ts'
import { addConsume } from './consume-command.ts'
import { addDlq } from './dlq-command.ts'
import { describeFailure, exitCodeOf, exitCodes } from './failure.ts'
import { addGroups } from './groups-command.ts'
import { addHelp } from './help-command.ts'
import { addPerf } from './perf-command.ts'
import { addProduce } from './produce-command.ts'
import { addRun } from './run-command.ts'
import { addTopics } from './topics-command.ts'

/** Runs `millrace` with these arguments; answers the exit code. Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = makeProgram()
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (thrown) {
    // It has written its message by itself.
    if (thrown instanceof CommanderError) return usageExitCode(thrown)
    const error = toError(thrown)
    process.stderr.write(
      describeFailure(
        error,
        args.some(arg => /^(--verbose|-v+)$/.test(arg)),
      ),
    )
    return exitCodeOf(error)
  }
}

function usageExitCode({ code }: CommanderError): number {
  return code === 'commander.helpDisplayed' || code === 'commander.version' ? exitCodes.ok : exitCodes.usage
}

/** Each command is loaded when it is the one that runs: a broker is up before a consumer would be loaded. */
export function makeProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('millrace')
    .description('Looks into Apache Kafka, consumes from it, writes to it, and stands in for it in tests.')
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const line = text
          .replace(/^error: /, '')
          .trim()
          .replaceAll(/\s*\n\s*/g, ' ')
        write(`millrace: ${line}${/[.)?]$/.test(line) ? '' : '.'} Add --help to see what is possible.\n`)
      },
    })
    .helpCommand(false)
  addConsume(program)
  addProduce(program)
  addRun(program)
  addTopics(program)
  addGroups(program)
  addDlq(program)
  addCluster(program)
  addPerf(program)
  addBroker(program)
  addCompletion(program)
  addHelp(program)
  return program.addHelpText('after', `\n"millrace help COMMAND" shows its options, with examples.\n${EXIT_CODES}`)
}
