import type { Command } from 'commander'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { TopicsOptions } from './topics.ts'

/** `millrace topics …`. */
export function addTopics(program: Command): void {
  const topics = program
    .command('topics [topic...]')
    .summary('list topics, or the partitions of some')
    .description(
      'Lists all topics with the number of their partitions, replicas and messages (offsets between start and end), or for named topics ' +
        'each partition with its leader, replicas, those in sync, and its first and next offset.',
    )
    .option('--internal', "Kafka's own topics too")
    .option('--json', 'one JSON object per topic and line')
    .action(async (names: string[], options: TopicsOptions) => {
      const { listTopics } = await import('./topics.ts')
      await listTopics(names, options)
    })
  withCommonOptions(topics).addHelpText(
    'after',
    `
Examples:
  millrace topics -b kafka:9092
  millrace topics orders payments
  millrace topics --json | jq -r .topic
${EXIT_CODES}`,
  )
}
