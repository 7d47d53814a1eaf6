import { comparePlaces, partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import type { DescribedGroup, DescribedMember, GroupOffset } from '../client/group-admin.ts'
import type { BrokerAddress, ClusterMetadata } from '../client/low-level-client.ts'
import type { NativeClient } from '../client/native-client.ts'
import { type DoneRange, decodeGaps, type TriedRange } from '../offsets/gap-codec.ts'
import { checkEmpty, findGroups, nameOf } from './chosen-groups.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { writeObjects, writeText } from './output.ts'
import { byTopic, edgesOf } from './partitions.ts'
import { plural } from './plural.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

/** Of what is done above a committed offset, in a table. */
const MOST_STRETCHES = 3

export interface GroupsOptions extends CommonOptions {
  readonly json?: boolean
}

export interface ListOptions extends GroupsOptions {
  /** Only groups in one of these; lower case. */
  readonly state?: readonly string[]
}

/** A partition of which something is committed, or that somebody is assigned. Null is what there is not, or what nobody told. */
interface PartitionRow extends TopicPartition {
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
  /** What is done above the committed offset, as a consumer of Millrace remembers it there. */
  readonly done: readonly DoneRange[]
  /** How often was tried what is not, as far as it remembers that. */
  readonly tried: readonly TriedRange[]
  readonly member: Omit<DescribedMember, 'partitions'> | null
}

interface GroupRow extends Omit<DescribedGroup, 'coordinator' | 'members'> {
  readonly coordinator: Omit<BrokerAddress, 'rack'>
  /** How many. */
  readonly members: number
  readonly partitions: readonly PartitionRow[]
}

/** `millrace groups list`. */
export async function listGroups({ state, json, ...common }: ListOptions): Promise<void> {
  const all = await withClient(common, client => new Admin(client).listGroups())
  const groups = all
    .filter(group => state === undefined || state.includes(group.state.toLowerCase()))
    .sort((a, b) => (a.group < b.group ? -1 : 1))
  if (json) return writeObjects(groups)
  const rows = groups.map(({ group, state, type, protocolType }) => [
    group,
    state || '-',
    type || '-',
    protocolType || '-',
  ])
  await writeText(table([['GROUP', 'STATE', 'TYPE', 'PROTOCOL'], ...rows]))
}

/** `millrace groups describe`: where the groups are, and who is to take them further. */
export async function describeGroups(names: readonly string[], options: GroupsOptions): Promise<void> {
  const groups = await withClient(options, async client => {
    const found = await findGroups(client, names)
    const { brokers } = await client.metadata([])
    return Promise.all(found.map(group => groupRow(client, group, brokers)))
  })
  if (options.json) await writeObjects(groups)
  else await writeText(groups.map(describeGroup).join('\n'))
}

/** `millrace groups members`. */
export async function listMembers(name: string, options: GroupsOptions): Promise<void> {
  const [group] = await withClient(options, client => findGroups(client, [name]))
  const members = (group?.members ?? []).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  if (options.json) return writeObjects(members)
  const assigned = options.verbose > 0 ? ['ASSIGNED'] : []
  const rows = members.map(({ memberId, instanceId, clientId, host, partitions }) => {
    const cells = [memberId, instanceId ?? '-', clientId, host, partitions?.length ?? '-']
    return options.verbose > 0 ? [...cells, describePartitions(partitions ?? [])] : cells
  })
  await writeText(table([['MEMBER', 'INSTANCE', 'CLIENT', 'HOST', 'PARTITIONS', ...assigned], ...rows]))
}

/** `millrace groups delete`: all of them or, where one does not exist or is in use, none. */
export async function deleteGroups(names: readonly string[], options: GroupsOptions): Promise<void> {
  await withClient(options, async client => {
    for (const group of await findGroups(client, names)) checkEmpty(group, 'Nothing was deleted')
    for (const group of new Set(names)) {
      await new Admin(client).deleteGroup(group)
      await writeText(options.json ? `${JSON.stringify({ deleted: group })}\n` : `deleted ${printable(group)}\n`)
    }
  })
}

async function groupRow(
  client: NativeClient,
  { members, coordinator, ...group }: DescribedGroup,
  brokers: readonly BrokerAddress[],
): Promise<GroupRow> {
  const { host = '', port = -1 } = brokers.find(({ nodeId }) => nodeId === coordinator) ?? {}
  return {
    ...group,
    coordinator: { nodeId: coordinator, host, port },
    members: members.length,
    partitions: await partitionRows(client, group.group, members),
  }
}

async function partitionRows(
  client: NativeClient,
  group: string,
  members: readonly DescribedMember[],
): Promise<readonly PartitionRow[]> {
  const rows = new Map<
    string,
    { place: TopicPartition; committed: GroupOffset | null; member: PartitionRow['member'] }
  >()
  for (const found of await new Admin(client).groupOffsets(group)) {
    const { topic, partition, offset, error } = found
    const committed = error === null && offset >= 0 ? found : null
    rows.set(partitionName(topic, partition), { place: { topic, partition }, committed, member: null })
  }
  for (const { partitions, ...member } of members) {
    for (const place of partitions ?? []) {
      const name = partitionName(place.topic, place.partition)
      rows.set(name, { place, committed: rows.get(name)?.committed ?? null, member })
    }
  }
  const places = [...rows.values()].map(({ place }) => place)
  const { topics } = await client.metadata([...byTopic(places).keys()])
  const ends = await endsOf(client, places, topics)
  return [...rows]
    .map(([name, { place, committed, member }]) => {
      const offset = committed?.offset ?? null
      const end = ends.get(name)?.latest ?? null
      const lag = offset === null || end === null ? null : end - offset
      const { done, tried } = remembered(committed, topics.get(place.topic)?.topicId ?? null)
      return { ...place, committed: offset, end, lag, done, tried, member }
    })
    .sort(comparePlaces)
}

/** What is remembered of another topic of the same name, or beside another offset, says nothing. */
function remembered(committed: GroupOffset | null, topicId: string | null): Pick<PartitionRow, 'done' | 'tried'> {
  const gaps = decodeGaps(committed?.metadata ?? '')
  const sound = gaps !== null && gaps.offset === committed?.offset && gaps.topicId === topicId
  return sound ? gaps : { done: [], tried: [] }
}

/** Topics that are gone and partitions without a leader are not waited for. */
async function endsOf(
  client: NativeClient,
  partitions: readonly TopicPartition[],
  topics: ClusterMetadata['topics'],
): ReturnType<typeof edgesOf> {
  const led = partitions.filter(({ topic, partition }) => {
    return (topics.get(topic)?.partitions.find(found => found.partition === partition)?.leader ?? -1) >= 0
  })
  return edgesOf(client, led)
}

/** Columns for what commits remember. */
const REMEMBERED = [
  { heading: 'DONE ABOVE', of: ({ done }: PartitionRow) => done },
  { heading: 'TRIED', of: ({ tried }: PartitionRow) => tried },
]

function describeGroup({ group, state, strategy, members, coordinator, partitions }: GroupRow): string {
  const { nodeId, host, port } = coordinator
  const facts = [state, strategy, plural(members, 'member'), `coordinator ${nodeId}`]
  const where = host === '' ? '' : ` at ${host}:${port}`
  // Most groups have nothing done above what they have committed, nor has anything failed.
  const above = REMEMBERED.filter(({ of }) => partitions.some(row => of(row).length > 0))
  const cells = partitions.map(row => {
    const { topic, partition, committed, end, lag, member } = row
    const who = member === null ? ['-', '-', '-'] : [nameOf(member), member.clientId, member.host]
    const stretches = above.map(({ of }) => describeRanges(of(row)))
    return [topic, partition, committed ?? '-', end ?? '-', lag ?? '-', ...stretches, ...who]
  })
  const names = above.map(({ heading }) => heading)
  const heading = ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG', ...names, 'MEMBER', 'CLIENT', 'HOST']
  const rows = table([heading, ...cells])
  return `${printable(`${group}: ${facts.filter(Boolean).join(', ')}${where}`)}\n${rows}`
}

/** `6613-6640,6650`, or with attempts `6613-6640×2,6650×1`, and how many stretches more. */
function describeRanges(stretches: readonly (DoneRange & { readonly attempts?: number })[]): string {
  if (stretches.length === 0) return '-'
  const shown = stretches.slice(0, MOST_STRETCHES).map(({ from, to, attempts }) => {
    return `${to - from === 1 ? from : `${from}-${to - 1}`}${attempts === undefined ? '' : `×${attempts}`}`
  })
  return stretches.length > shown.length ? `${shown}, ${stretches.length - shown.length} more` : shown.join()
}

/** `orders[0-3,7] payments[1]`. */
function describePartitions(partitions: readonly TopicPartition[]): string {
  const topics = [...byTopic(partitions)].sort(([a], [b]) => (a < b ? -1 : 1))
  return topics.map(([topic, numbers]) => `${topic}[${ranges(numbers.sort((a, b) => a - b))}]`).join(' ')
}

function ranges(sorted: readonly number[]): string {
  const found: [first: number, last: number][] = []
  for (const number of sorted) {
    const current = found.at(-1)
    if (current?.[1] === number - 1) current[1] = number
    else found.push([number, number])
  }
  return found.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join()
}
