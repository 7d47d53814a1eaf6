import { CommandError, exitCodes } from './failure.ts'
import { FollowedLines } from './followed-lines.ts'
import { Input, STDIN } from './input.ts'
import type { LineSource } from './message-reader.ts'
import { Producing, type Streams } from './producing.ts'
import { mostLineBytes, type ProducingOptions } from './producing-options.ts'
import { checkTopics } from './topic-check.ts'

export interface ProduceOptions extends ProducingOptions {
  readonly file?: readonly string[]
  readonly delimiter?: Buffer
  /** Of the file that is followed. */
  readonly fromStart?: boolean
}

/** `millrace produce`: writes what files or stdin have, until their end, `--max`, Ctrl-C, or a message that cannot be written. */
export async function produce(
  topic: string | undefined,
  files: readonly string[],
  options: ProduceOptions,
  streams: Streams = process,
): Promise<void> {
  const paths = [...files, ...(options.file ?? [])]
  checkTogether(topic, paths, options)
  const mostBytes = mostLineBytes(options)
  const sources = await sourcesOf(paths, options, mostBytes, streams)
  if (topic !== undefined) await checkTopics([topic], options, options.partition)
  await new Producing(topic, options, streams).run(sources)
}

async function sourcesOf(
  paths: readonly string[],
  { follow, fromStart, input, delimiter }: ProduceOptions,
  mostBytes: number,
  { stdin, stderr }: Streams,
): Promise<readonly LineSource[]> {
  if (follow !== undefined) {
    const tell = (what: string) => void stderr.write(`millrace: ${what}\n`)
    return [new FollowedLines(follow, { from: fromStart ? 'start' : 'end', mostBytes, tell })]
  }
  const cut = { delimiter: delimiter ?? null, whole: input === 'whole', mostBytes }
  return Input.all(paths.length === 0 ? [STDIN] : paths, stdin, cut)
}

/** @throws {CommandError} when options do not go together */
function checkTogether(topic: string | undefined, paths: readonly string[], options: ProduceOptions): void {
  const { input, delimiter, keyDelimiter, key, repartition, partition, fromLine, follow, fromStart } = options
  const wrong =
    (topic === undefined && input !== 'ndjson' && 'Name the topic: only objects of --input ndjson have their own') ||
    (follow !== undefined && paths.length > 0 && `--follow reads ${follow} alone: leave out ${paths.join(', ')}`) ||
    (follow !== undefined && input === 'whole' && '--follow reads lines: leave out --input whole') ||
    (follow !== undefined && delimiter !== undefined && '--follow reads lines: leave out --delimiter') ||
    (follow !== undefined && fromLine !== undefined && '--follow has --from-start, and no --from-line') ||
    (fromStart && follow === undefined && '--from-start is for --follow: files are read from their start') ||
    (keyDelimiter !== undefined && input !== 'lines' && `--key-delimiter is for --input lines, not for ${input}`) ||
    (delimiter !== undefined && input === 'whole' && '--delimiter is for lines: leave it out with --input whole') ||
    (fromLine !== undefined && input === 'whole' && '--from-line is for lines: leave it out with --input whole') ||
    (keyDelimiter !== undefined && key !== undefined && 'The key is given twice: by --key, and by --key-delimiter') ||
    (repartition && input !== 'ndjson' && '--repartition is for --input ndjson: nothing else has partitions') ||
    (repartition && partition !== undefined && '--repartition and --partition cannot both be')
  if (wrong) throw new CommandError(exitCodes.usage, 'USAGE', wrong)
}
