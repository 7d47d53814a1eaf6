import { type CommonOptions, withClient } from './connect.ts'
import { choosePartitions, findTopics } from './partitions.ts'

/** @throws {CommandError} when one of these topics does not exist, or does not have this partition */
export async function checkTopics(
  topics: readonly string[],
  options: CommonOptions,
  partition?: number,
): Promise<void> {
  await withClient(options, async client => {
    const found = await findTopics(client, topics, options.timeout)
    choosePartitions(found, partition === undefined ? undefined : [partition])
  })
}
