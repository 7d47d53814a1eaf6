import { type CommonOptions, withClient } from './connect.ts'
import { CommandError } from './failure.ts'
import { choosePartitions, findTopics } from './partitions.ts'

/**
 * Before anything is written.
 *
 * @throws {CommandError} when one of these topics does not exist, or does not have this partition
 */
export async function checkTopics(
  topics: readonly string[],
  options: CommonOptions,
  partition?: number,
): Promise<void> {
  try {
    await withClient(options, async client => {
      const found = await findTopics(client, topics, options.timeout)
      choosePartitions(found, partition === undefined ? undefined : [partition])
    })
  } catch (thrown) {
    if (!(thrown instanceof CommandError) || thrown.code !== 'UNKNOWN_TOPIC') throw thrown
    const text = `${thrown.message}, and "millrace topics create" makes one`
    throw new CommandError(thrown.exitCode, thrown.code, text, thrown)
  }
}
