import { type Command, Option } from 'commander'
import { parseShift, parseStates, parseTopicPartitions } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import { parseFrom } from './from.ts'
import type { ResetOptions } from './group-reset.ts'
import type { GroupsOptions, ListOptions } from './groups.ts'
import { examples } from './help.ts'
import { unknownCommand } from './unknown-command.ts'

/** `millrace groups …`. */
export function addGroups(program: Command): void {
  const groups = program
    .command('groups')
    .summary('list, describe and delete consumer groups, set where they go on')
    .description(
      'Shows consumer groups: where they are, who their members are; sets where they go on, and deletes them. Without a command it lists them.',
    )
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  addList(groups)
  addDescribe(groups)
  addMembers(groups)
  addReset(groups)
  addDelete(groups)
}

function addList(groups: Command): void {
  const list = groups
    .command('list', { isDefault: true })
    .summary('list all groups')
    .description('Lists all groups of the cluster with their state, their type, and what kind of members they have.')
    // What is no command comes here, as this one is the default.
    .argument('[more...]')
    .usage('[options]')
    .option('--state <states>', 'only groups in these, such as stable,empty', parseStates)
    .option('--json', 'one JSON object per group and line')
    .action(async ([unknown]: string[], options: ListOptions) => {
      if (unknown !== undefined) {
        throw unknownCommand(groups, unknown, `. To see a group: millrace groups describe ${unknown}`)
      }
      const { listGroups } = await import('./groups.ts')
      await listGroups(options)
    })
  withCommonOptions(list).addHelpText('after', examples('groups list -b kafka:9092', 'groups list --state empty'))
}

function addDescribe(groups: Command): void {
  const describe = groups
    .command('describe <group...>')
    .summary('show how far groups are')
    .description(
      'Shows of each partition where the group is (the next offset to read), where the partition ends, how many offsets are between, ' +
        'and which member has it. A dash stands for what there is not: nothing committed, or nobody that has it.',
    )
    .option('--json', 'one JSON object per group and line')
    .action(async (names: string[], options: GroupsOptions) => {
      const { describeGroups } = await import('./groups.ts')
      await describeGroups(names, options)
    })
  withCommonOptions(describe).addHelpText(
    'after',
    examples('groups describe shop', "groups describe shop --json | jq '[.partitions[].lag] | add'"),
  )
}

function addMembers(groups: Command): void {
  const members = groups
    .command('members <group>')
    .summary('show the members of a group')
    .description('Shows each member with its ids, its host, and how many partitions it has; with -v also which.')
    .option('--json', 'one JSON object per member and line, with its partitions')
    .action(async (name: string, options: GroupsOptions) => {
      const { listMembers } = await import('./groups.ts')
      await listMembers(name, options)
    })
  withCommonOptions(members).addHelpText('after', examples('groups members shop', 'groups members shop -v'))
}

function addReset(groups: Command): void {
  const reset = groups
    .command('reset-offsets <group>')
    .alias('reset')
    .summary('set where a group goes on')
    .description(
      'Shows of each partition where the group would go on, and with --execute commits that. The group must have no members then. An ' +
        'offset before the first message or behind the last one is moved to there. Without --topic it is about all that the group has ' +
        'committed.',
    )
    .option(
      '-t, --topic <name>',
      'only this, or of orders:0,2-3 these partitions; may be repeated',
      parseTopicPartitions,
    )
    .addOption(
      new Option(
        '--to <position>',
        'earliest, latest, an offset, or a timestamp: ISO 8601 (UTC if it names no zone) or @ and milliseconds',
      )
        .argParser(parseFrom)
        .conflicts('shiftBy'),
    )
    .option('--shift-by <count>', 'so many messages further, or with -100 back', parseShift)
    .option('--execute', 'commit it')
    .option('--json', 'one JSON object per partition and line')
    .action(async (name: string, options: ResetOptions) => {
      const { resetOffsets } = await import('./group-reset.ts')
      await resetOffsets(name, options)
    })
  withCommonOptions(reset).addHelpText(
    'after',
    examples(
      'groups reset-offsets shop --to earliest',
      'groups reset-offsets shop --topic orders --to 2026-01-31T06:00+01:00 --execute',
      'groups reset-offsets shop --topic orders:0 --shift-by -100 --execute',
    ),
  )
}

function addDelete(groups: Command): void {
  const deleting = groups
    .command('delete <group...>')
    .summary('delete groups that have no members')
    .description(
      'Deletes groups with all that they have committed, without asking. When one of them does not exist, or has members, none is deleted.',
    )
    .option('--json', 'one JSON object per group and line')
    .action(async (names: string[], options: GroupsOptions) => {
      const { deleteGroups } = await import('./groups.ts')
      await deleteGroups(names, options)
    })
  withCommonOptions(deleting).addHelpText('after', examples('groups delete shop-test', 'groups delete old older'))
}
