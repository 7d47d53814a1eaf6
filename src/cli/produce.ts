import { resolveProducer } from '../producer/options.ts'
import { CommandError, exitCodes } from './failure.ts'
import { Input, STDIN } from './input.ts'
import { checkTopics, Producing, type ProducingOptions, type Streams, writerOf } from './producing.ts'

export interface ProduceOptions extends ProducingOptions {
  readonly file?: readonly string[]
}

/** `millrace produce`: writes what files or stdin have, until their end, `--max`, Ctrl-C, or a message that cannot be written. */
export async function produce(
  topic: string | undefined,
  files: readonly string[],
  options: ProduceOptions,
  streams: Streams = process,
): Promise<void> {
  const paths = [...files, ...(options.file ?? [])]
  checkTogether(topic, options)
  resolveProducer(writerOf(options))
  const inputs = await Input.all(paths.length === 0 ? [STDIN] : paths, streams.stdin)
  if (topic !== undefined) await checkTopics([topic], options)
  await new Producing(topic, options, streams).run(inputs)
}

/** @throws {CommandError} when options do not go together */
function checkTogether(topic: string | undefined, options: ProduceOptions): void {
  const { input, delimiter, keyDelimiter, key, repartition, partition, fromLine } = options
  const wrong =
    (topic === undefined && input !== 'ndjson' && 'Name the topic: only objects of --input ndjson have their own') ||
    (keyDelimiter !== undefined && input !== 'lines' && `--key-delimiter is for --input lines, not for ${input}`) ||
    (delimiter !== undefined && input === 'whole' && '--delimiter is for lines: leave it out with --input whole') ||
    (fromLine !== undefined && input === 'whole' && '--from-line is for lines: leave it out with --input whole') ||
    (keyDelimiter !== undefined && key !== undefined && 'The key is given twice: by --key, and by --key-delimiter') ||
    (repartition && input !== 'ndjson' && '--repartition is for --input ndjson: nothing else has partitions') ||
    (repartition && partition !== undefined && '--repartition and --partition cannot both be')
  if (wrong) throw new CommandError(exitCodes.usage, 'USAGE', wrong)
}
