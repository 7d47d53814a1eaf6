import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Admin, type PositionQuery } from '../client/admin.ts'
import type { GroupOffset } from '../client/group-admin.ts'
import type { NativeClient } from '../client/native-client.ts'
import type { StartPosition } from '../fetch/options.ts'
import { committedOffsets } from './chosen-groups.ts'
import type { CommonOptions } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import type { LastOffsets } from './from.ts'
import { choosePartitions, edgesOf, endOffsets, findTopics } from './partitions.ts'

/** What is to be read, of which group, from where to where. */
export interface ReadOptions extends CommonOptions {
  readonly group?: string
  /** The source of a pattern. */
  readonly follow?: string
  readonly partition?: readonly number[]
  readonly from: StartPosition | LastOffsets
  readonly untilEnd?: boolean
  readonly until?: StartPosition
}

/** What was there at the start. */
export interface Plan {
  readonly topics: readonly string[]
  readonly partitions: readonly TopicPartition[]
  /** Where partitions begin that `firsts` does not name. */
  readonly start: StartPosition
  /** Where to begin, by partition, if that is not the same for all; without a group only. */
  readonly firsts: Map<string, number> | null
  /** Where to end, by partition; null: never. */
  readonly ends: ReadonlyMap<string, number> | null
}

/** @throws {CommandError} when what is asked for does not exist */
export async function planOf(client: NativeClient, names: readonly string[], options: ReadOptions): Promise<Plan> {
  const { follow, partition, timeout } = options
  const topics = [...names, ...(follow === undefined ? [] : await matching(client, new RegExp(follow)))]
  const found = topics.length === 0 ? [] : await findTopics(client, topics, timeout)
  const partitions = choosePartitions(found, partition)
  await checkStart(client, partitions, options)
  const firsts = await firstsOf(client, partitions, options)
  const { from } = options
  const start = firsts !== null || isLast(from) ? 'earliest' : from
  return { topics: names, partitions, start, firsts, ends: await endsOf(client, partitions, options) }
}

/** Whole topics are shared with the other members of the group. */
export function joins({ group, partition }: ReadOptions): boolean {
  return group !== undefined && partition === undefined
}

/** @throws {CommandError} when options do not go together */
export function checkTogether(names: readonly string[], { follow, partition, from, group }: ReadOptions): void {
  const wrong =
    (names.length === 0 && follow === undefined && 'Name a topic, or topics by a pattern with --follow') ||
    (follow !== undefined && partition !== undefined && '--follow reads whole topics: leave out --partition') ||
    (isLast(from) &&
      group !== undefined &&
      `--from -${from.last} is for reading without a group: leave out --group, or set its offsets with "millrace groups reset-offsets"`)
  if (wrong) throw new CommandError(exitCodes.usage, 'USAGE', wrong)
}

/** Topics that are there now, in order; Kafka's own are not followed. */
async function matching(client: NativeClient, pattern: RegExp): Promise<readonly string[]> {
  const topics = [...(await client.metadata('all')).topics.values()]
  return topics
    .filter(({ topic, internal }) => !internal && pattern.test(topic))
    .map(({ topic }) => topic)
    .sort()
}

/**
 * Looks at offsets before they are used: `--until-end` would take one beyond the end for the end, and one that is committed for a group
 * and does not exist would stop each later run as well.
 */
async function checkStart(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  { from, group }: ReadOptions,
): Promise<void> {
  const given = typeof from === 'object' && 'offset' in from ? from.offset : null
  if (given === null && group === undefined) return
  const committed = group === undefined ? new Map<string, GroupOffset>() : await committedOffsets(client, group)
  for (const [name, { earliest, latest }] of await edgesOf(client, partitions)) {
    const offset = committed.get(name)?.offset ?? given
    if (offset === null || earliest === null || latest === null || (offset >= earliest && offset <= latest)) continue
    const where = `Offset ${offset} of ${name}${committed.has(name) ? `, committed for group ${group},` : ''}`
    const advice = committed.has(name)
      ? 'Use another --group'
      : 'Use another --from (a timestamp is written @MS) or --partition'
    throw new CommandError(
      exitCodes.failure,
      'OFFSET_OUT_OF_RANGE',
      `${where} does not exist: there are ${earliest} to ${latest}. ${advice}`,
    )
  }
}

/** Topics that appear later are read from their first message: "the last ten" and "from now on" are about what is there now. */
async function firstsOf(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  { from, group, follow }: ReadOptions,
): Promise<Map<string, number> | null> {
  const last = isLast(from) ? from.last : from === 'latest' ? 0 : null
  if (group !== undefined || last === null || (last === 0 && follow === undefined)) return null
  const edges = await edgesOf(client, partitions)
  const ends = await endOffsets(client, partitions)
  return new Map([...ends].map(([name, end]) => [name, Math.max(edges.get(name)?.earliest ?? 0, end - last)]))
}

/** Where to end. Another member need not commit anything where nothing is, so there it is not waited for. */
async function endsOf(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  options: ReadOptions,
): Promise<ReadonlyMap<string, number> | null> {
  const until = options.untilEnd ? 'latest' : options.until
  if (until === undefined) return null
  const last = await endOffsets(client, partitions)
  const ends = until === 'latest' ? last : await endsAt(client, partitions, until, last)
  if (!joins(options)) return ends
  const edges = await edgesOf(client, partitions)
  return new Map([...ends].filter(([name, end]) => (edges.get(name)?.earliest ?? 0) < end))
}

/** Before an offset or a time, but not behind what is there. */
async function endsAt(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  until: Exclude<StartPosition, 'latest'>,
  last: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const end = (name: string, offset: number) =>
    Math.min(offset < 0 ? Number.POSITIVE_INFINITY : offset, last.get(name) ?? 0)
  if (typeof until === 'object' && 'offset' in until) {
    return new Map([...last.keys()].map(name => [name, end(name, until.offset)]))
  }
  const queries = partitions.map((place): PositionQuery => ({ ...place, position: until }))
  const ends = new Map<string, number>()
  for (const { topic, partition, offset, error } of await new Admin(client).listOffsets(queries)) {
    if (error !== null) throw error
    const name = partitionName(topic, partition)
    ends.set(name, end(name, offset))
  }
  return ends
}

function isLast(from: StartPosition | LastOffsets): from is LastOffsets {
  return typeof from === 'object' && 'last' in from
}
