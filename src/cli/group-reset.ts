import { comparePlaces, partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import type { FoundOffset } from '../client/low-level-client.ts'
import type { NativeClient } from '../client/native-client.ts'
import type { StartPosition } from '../fetch/options.ts'
import { checkEmpty, committedOffsets, findGroup } from './chosen-groups.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeObjects, writeText } from './output.ts'
import { choosePartitions, type Edges, edgesOf, findTopics } from './partitions.ts'
import { table } from './table.ts'

export interface ResetOptions extends CommonOptions {
  /** Partitions by topic, null for all of it. Undefined: what the group has committed. */
  readonly topic?: ReadonlyMap<string, readonly number[] | null>
  /** One of these two. */
  readonly to?: StartPosition
  readonly shiftBy?: number
  readonly execute?: boolean
  readonly json?: boolean
}

/** Where the group is in a partition, and where it is to be. */
interface Move extends TopicPartition {
  readonly committed: number | null
  readonly new: number
  readonly end: number
}

/** `millrace groups reset-offsets`: shows where the group would go on or, when told to, commits that. */
export async function resetOffsets(group: string, options: ResetOptions): Promise<void> {
  if ((options.to === undefined) === (options.shiftBy === undefined)) {
    throw new CommandError(exitCodes.usage, 'USAGE', 'Say where to go on: either --to or --shift-by')
  }
  const { execute = false, json } = options
  const moves = await withClient(options, async client => {
    const found = await movesOf(client, group, options)
    if (execute) await commit(new Admin(client), group, found)
    return found
  })
  if (json) await writeObjects(moves.map(move => ({ group, ...move, done: execute })))
  else await writeText(describe(moves))
  if (!execute && !json) process.stderr.write('Nothing was changed. Add --execute to commit it.\n')
}

async function movesOf(client: NativeClient, group: string, options: ResetOptions): Promise<readonly Move[]> {
  if (options.topic === undefined || options.execute) {
    const found = await findGroup(client, group)
    if (found === null && options.topic === undefined) {
      const message = `Group "${group}" does not exist. Name topics with --topic to make it`
      throw new CommandError(exitCodes.unknown, 'UNKNOWN_GROUP', message)
    }
    if (found !== null && options.execute) checkEmpty(found, 'Nothing was changed')
  }
  const committed = await committedOffsets(client, group)
  const places = await chosen(client, [...committed.values()], options)
  const edges = await edgesOf(client, places)
  const found = await timesOf(client, places, options.to)
  return places
    .map((place, at) => {
      const name = partitionName(place.topic, place.partition)
      const before = committed.get(name)?.offset ?? null
      const { earliest, latest } = known(edges.get(name), name)
      const wanted = target(options, before, { earliest, latest }, found[at])
      return { ...place, committed: before, new: Math.min(Math.max(wanted, earliest), latest), end: latest }
    })
    .sort(comparePlaces)
}

async function chosen(
  client: NativeClient,
  committed: readonly TopicPartition[],
  { topic, timeout }: ResetOptions,
): Promise<readonly TopicPartition[]> {
  if (topic === undefined) return committed.map(({ topic, partition }) => ({ topic, partition }))
  const found = await findTopics(client, [...topic.keys()], timeout)
  return found.flatMap(each => choosePartitions([each], topic.get(each.topic) ?? undefined))
}

/** What was found for a time that is asked for, in the order of the partitions. */
async function timesOf(
  client: NativeClient,
  places: readonly TopicPartition[],
  to: StartPosition | undefined,
): Promise<readonly FoundOffset[]> {
  if (typeof to !== 'object' || !('timestamp' in to)) return []
  return new Admin(client).listOffsets(places.map(place => ({ ...place, position: to })))
}

function known(edges: Edges | undefined, name: string): { earliest: number; latest: number } {
  const { earliest = null, latest = null } = edges ?? {}
  if (earliest !== null && latest !== null) return { earliest, latest }
  const message = `${name} does not tell its offsets: it has no leader, or is gone. Nothing was changed. Leave it out with --topic`
  throw new CommandError(exitCodes.failure, 'NO_OFFSETS', message)
}

function target(
  { to, shiftBy = 0 }: ResetOptions,
  committed: number | null,
  { earliest, latest }: { readonly earliest: number; readonly latest: number },
  found: FoundOffset | undefined,
): number {
  // What never committed begins with the first message.
  if (to === undefined) return (committed ?? earliest) + shiftBy
  if (to === 'earliest') return earliest
  if (to === 'latest') return latest
  if ('offset' in to) return to.offset
  if (found !== undefined && found.error !== null) throw found.error
  // No message is that young.
  return found === undefined || found.offset < 0 ? latest : found.offset
}

async function commit(admin: Admin, group: string, moves: readonly Move[]): Promise<void> {
  const offsets = moves.map(({ topic, partition, new: offset }) => ({ topic, partition, offset }))
  const failed = (await admin.setGroupOffsets(group, offsets)).filter(({ error }) => error !== null)
  if (failed.length === 0) return
  const why = failed.map(({ error }) => error?.message).join('; ')
  const message = `${failed.length} of ${moves.length} offsets were not set: ${why}`
  throw new CommandError(exitCodes.failure, failed[0]?.error?.code ?? 'OFFSETS', message)
}

function describe(moves: readonly Move[]): string {
  const rows = moves.map(({ topic, partition, committed, new: offset, end }) => {
    return [topic, partition, committed ?? '-', offset, end, end - offset]
  })
  return table([['TOPIC', 'PARTITION', 'COMMITTED', 'NEW', 'END', 'LAG'], ...rows])
}
