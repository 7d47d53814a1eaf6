import type { Command } from 'commander'
import { parseBrokerName } from './arguments.ts'
import type { ClusterOptions } from './cluster.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { ConfigsOptions } from './configs.ts'
import { withConfigChanges } from './configs-options.ts'
import { examples } from './help.ts'
import { unknownCommand } from './unknown-command.ts'

/** `millrace cluster …`. */
export function addCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .summary('show the brokers and the controller, and settings of brokers')
    .description('Shows a cluster, and shows and changes settings of its brokers. Without a command it describes it.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  addDescribe(cluster)
  addConfigs(cluster)
}

function addDescribe(cluster: Command): void {
  const describe = cluster
    .command('describe', { isDefault: true })
    .summary('show the brokers and the controller')
    .description(
      "Shows the cluster's id, its active controller, and each broker with its address, its rack, the release of Kafka that it runs " +
        '(from 3.3 on), and whether it can be reached from here.',
    )
    // What is no command comes here, as this one is the default.
    .argument('[more...]')
    .usage('[options]')
    .option('--json', 'one JSON object')
    .action(async ([unknown]: string[], options: ClusterOptions) => {
      if (unknown !== undefined) throw unknownCommand(cluster, unknown)
      const { describeCluster } = await import('./cluster.ts')
      await describeCluster(options)
    })
  withCommonOptions(describe).addHelpText(
    'after',
    examples('cluster describe -b kafka:9092', "cluster describe --json | jq '.brokers[] | select(.reachable | not)'"),
  )
}

function addConfigs(cluster: Command): void {
  const configs = withConfigChanges(cluster.command('configs'))
    .argument('<node>', 'id of a broker, or default for what was set for all of them', parseBrokerName)
    .summary('show and change settings of brokers')
    .description(
      'Shows what is set for a broker itself, by its file or while it runs, and with --all also what it inherits. With "default" instead of ' +
        'its id it shows what was set for all brokers while they run. With --set, --append, --subtract or --delete it changes these ' +
        'settings instead, all or none, and leaves the others.',
    )
    .action(async (node: number | 'default', options: ConfigsOptions) => {
      const { brokerConfigs } = await import('./configs.ts')
      await brokerConfigs(node, options)
    })
  withCommonOptions(configs).addHelpText(
    'after',
    examples('cluster configs 1 --all', 'cluster configs default --set log.retention.ms=3600000'),
  )
}
