import type { Command } from 'commander'
import type { ClusterOptions } from './cluster.ts'
import { withCommonOptions } from './common-options.ts'
import { examples } from './help.ts'

/** `millrace cluster`. */
export function addCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .summary('show the brokers and the controller')
    .description(
      "Shows the cluster's id, its active controller, and each broker with its address, its rack, the release of Kafka that it runs " +
        '(from 3.3 on), and whether it can be reached from here.',
    )
    .option('--json', 'one JSON object')
    .action(async (options: ClusterOptions) => {
      const { describeCluster } = await import('./cluster.ts')
      await describeCluster(options)
    })
  withCommonOptions(cluster).addHelpText(
    'after',
    examples('cluster -b kafka:9092', "cluster --json | jq '.brokers[] | select(.reachable | not)'"),
  )
}
