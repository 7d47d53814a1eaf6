import type { Command } from 'commander'
import { parseCount, parseSettings } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { ConfigsOptions } from './configs.ts'
import { withConfigChanges } from './configs-options.ts'
import { examples } from './help.ts'
import type { AlterTopicOptions, CreateTopicsOptions, DeleteTopicsOptions } from './topic-changes.ts'
import type { ListTopicsOptions, TopicsOptions } from './topics.ts'
import { unknownCommand } from './unknown-command.ts'

/** `millrace topics …`. */
export function addTopics(program: Command): void {
  const topics = program
    .command('topics')
    .summary('list, describe, create, alter and delete topics')
    .description('Shows topics, makes, changes and deletes them. Without a command it lists them.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  addList(topics)
  addDescribe(topics)
  addCreate(topics)
  addAlter(topics)
  addConfigs(topics)
  addDelete(topics)
}

function addList(topics: Command): void {
  const list = topics
    .command('list', { isDefault: true })
    .summary('list all topics')
    .description(
      'Lists all topics with the number of their partitions, replicas and messages (offsets between start and end).',
    )
    // What is no command comes here, as this one is the default.
    .argument('[more...]')
    .usage('[options]')
    .option('--internal', "Kafka's own topics too")
    .option('--json', 'one JSON object per topic and line')
    .action(async ([unknown]: string[], options: ListTopicsOptions) => {
      if (unknown !== undefined) {
        throw unknownCommand(topics, unknown, `. To see a topic: millrace topics describe ${unknown}`)
      }
      const { listTopics } = await import('./topics.ts')
      await listTopics(options)
    })
  withCommonOptions(list).addHelpText(
    'after',
    examples('topics list -b kafka:9092', 'topics list --json | jq -r .topic'),
  )
}

function addDescribe(topics: Command): void {
  const describe = topics
    .command('describe <topic...>')
    .summary('show settings and partitions of topics')
    .description(
      'Shows what is set for each topic itself, and of each partition the leader, the replicas, those in sync, and its first and next ' +
        'offset. A dash stands for what nobody told, as there is no leader.',
    )
    .option('--json', 'one JSON object per topic and line')
    .action(async (names: string[], options: TopicsOptions) => {
      const { describeTopics } = await import('./topics.ts')
      await describeTopics(names, options)
    })
  withCommonOptions(describe).addHelpText(
    'after',
    examples(
      'topics describe orders payments',
      "topics describe orders --json | jq '.partitions[] | select(.leader == null)'",
    ),
  )
}

function addCreate(topics: Command): void {
  const create = topics
    .command('create <topic...>')
    .summary('make topics')
    .description('Makes topics. Those that can be made are, whatever becomes of the others.')
    .option('-p, --partitions <count>', 'how many each has (default: as the brokers are set)', parseCount)
    .option(
      '-r, --replication-factor <count>',
      'replicas of each partition (default: as the brokers are set)',
      parseCount,
    )
    .option('-s, --set <name=value>', "a setting under Kafka's name; may be repeated", parseSettings)
    .option('--if-not-exists', 'a topic that is there already is no failure; it stays as it is')
    .option('--wait', 'end when every partition has a leader that all brokers know, within --timeout')
    .option('--dry-run', 'only tell whether they could be made')
    .option('--json', 'one JSON object per topic and line')
    .action(async (names: string[], options: CreateTopicsOptions) => {
      const { createTopics } = await import('./topic-changes.ts')
      await createTopics(names, options)
    })
  withCommonOptions(create).addHelpText(
    'after',
    examples(
      'topics create orders --partitions 6 --replication-factor 3 --wait',
      'topics create orders payments --if-not-exists',
      'topics create events -p 12 -s retention.ms=86400000 -s cleanup.policy=compact,delete',
    ),
  )
}

function addAlter(topics: Command): void {
  const alter = topics
    .command('alter <topic>')
    .summary('give a topic more partitions')
    .description(
      'Gives a topic more partitions: it cannot have fewer. Messages stay where they are, and keys go to other partitions than before. ' +
        'Settings are changed by "millrace topics configs".',
    )
    .requiredOption('-p, --partitions <count>', 'how many it has afterwards', parseCount)
    .option('--wait', 'end when every partition has a leader that all brokers know, within --timeout')
    .option('--dry-run', 'only tell whether it could be done')
    .option('--json', 'a JSON object')
    .action(async (name: string, options: AlterTopicOptions) => {
      const { alterTopic } = await import('./topic-changes.ts')
      await alterTopic(name, options)
    })
  withCommonOptions(alter).addHelpText('after', examples('topics alter orders --partitions 12 --wait'))
}

function addConfigs(topics: Command): void {
  const configs = withConfigChanges(topics.command('configs <topic>'))
    .summary('show and change settings of a topic')
    .description(
      'Shows what is set for a topic itself, with --all also what it inherits from its broker or from Kafka, and where each value comes ' +
        'from. With --set, --append, --subtract or --delete it changes these settings instead, all or none, and leaves the others.',
    )
    .action(async (name: string, options: ConfigsOptions) => {
      const { topicConfigs } = await import('./configs.ts')
      await topicConfigs(name, options)
    })
  withCommonOptions(configs).addHelpText(
    'after',
    examples(
      'topics configs orders',
      'topics configs orders --set retention.ms=3600000 --delete segment.bytes',
      'topics configs orders --append cleanup.policy=compact',
    ),
  )
}

function addDelete(topics: Command): void {
  const deleting = topics
    .command('delete <topic...>')
    .summary('delete topics with all their messages')
    .description(
      'Deletes topics with all their messages. It asks on the terminal; elsewhere it needs --yes. When one of them does not exist, none ' +
        'is deleted.',
    )
    .option('-y, --yes', 'do not ask')
    .option('--if-exists', 'a topic that does not exist is no failure')
    .option('--json', 'one JSON object per topic and line')
    .action(async (names: string[], options: DeleteTopicsOptions) => {
      const { deleteTopics } = await import('./topic-changes.ts')
      await deleteTopics(names, options)
    })
  withCommonOptions(deleting).addHelpText(
    'after',
    examples('topics delete orders-test', 'topics delete old older --if-exists --yes'),
  )
}
