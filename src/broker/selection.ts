import type { ApiName } from '../protocol/apis.ts'
import type { Call } from './call.ts'
import { type Parts, partsOf } from './parts.ts'
import type { Topics } from './topics.ts'

/** A struct of a request or an answer, whatever its type. */
export type Struct = Readonly<Record<string, unknown>>

/** What requests, or parts of them, are picked by; what is not given may be anything. */
export interface Selection {
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  readonly group?: string | undefined
}

/** What is known of an element of a list from its name and from what it lies in. */
export type Place = Selection

const topicResource = 2

/** APIs whose requests name groups, whether one or many. */
const groupApis = [
  'OffsetCommit',
  'OffsetFetch',
  'FindCoordinator',
  'JoinGroup',
  'Heartbeat',
  'LeaveGroup',
  'SyncGroup',
  'DescribeGroups',
  'DeleteGroups',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'OffsetDelete',
] as const satisfies readonly ApiName[]

export type GroupApi = (typeof groupApis)[number]

export function namesGroups(name: ApiName): name is GroupApi {
  return groupApis.includes(name as GroupApi)
}

/** The groups that a request names itself, not in a list. */
export function placeOf({ name, version, body }: Call<ApiName>): Place {
  const { groupId, key, keyType } = body as Struct
  if (name === 'FindCoordinator') return version < 4 && keyType === 0 ? { group: key as string } : {}
  return typeof groupId === 'string' && groupId !== '' ? { group: groupId } : {}
}

/** The place of an element of a list in a request (`asked`) or in its answer. */
export function stepInto(
  parts: Parts,
  element: unknown,
  place: Place,
  side: 'asked' | 'answered',
  topics: Topics,
): Place {
  const field = side === 'asked' ? parts.askedName : parts.name
  const struct = element as Struct
  const name = field === null ? element : struct[field]
  if (parts.kind === 'partition') return { ...place, partition: name as number }
  if (parts.kind === 'group') return { ...place, group: name as string }
  if (parts.kind === 'other') return place
  // Resources of another type have names of their own.
  if (struct.resourceType !== undefined && struct.resourceType !== topicResource) return { ...place, topic: '' }
  const byId = name === '' || name === null || name === undefined
  return { ...place, topic: byId ? (topics.byId(struct.topicId as string)?.name ?? '') : (name as string) }
}

/** Whether something at this place, or within it, may be selected. */
export function within(place: Place, { topic, partition, group }: Selection): boolean {
  return (
    (topic === undefined || place.topic === undefined || place.topic === topic) &&
    (partition === undefined || place.partition === undefined || place.partition === partition) &&
    (group === undefined || place.group === undefined || place.group === group)
  )
}

/** Whether all that is at this place is selected. */
export function covers({ topic, partition, group }: Selection, place: Place): boolean {
  return (
    (topic === undefined || place.topic === topic) &&
    (partition === undefined || place.partition === partition) &&
    (group === undefined || place.group === group)
  )
}

/** Whether a request asks for something selected that is not in one of the selections that were taken already. */
export function selects(
  selection: Selection,
  call: Call<ApiName>,
  topics: Topics,
  taken: readonly Selection[] = [],
): boolean {
  const { topic, group } = selection
  const place = placeOf(call)
  if (!within(place, selection) || taken.some(each => covers(each, place))) return false
  if (covers(selection, place) && taken.length === 0) return true
  const { keyType } = call.body as Struct
  if (group !== undefined && typeof keyType === 'number' && keyType !== 0) return false
  const asksFor = (parts: Parts, struct: Struct, around: Place): boolean => {
    const asked = struct[parts.asked] as readonly unknown[] | null
    if (asked === null || (asked.length === 0 && emptyIsAll(call))) return covers({ group }, around)
    return asked.some(element => {
      const here = stepInto(parts, element, around, 'asked', topics)
      if (!within(here, selection) || taken.some(each => covers(each, here))) return false
      const deeper = parts.within
      // Some name topics and tell of all partitions.
      if (deeper === null || !Object.hasOwn(element as Struct, deeper.asked)) return covers({ topic, group }, here)
      return (covers(selection, here) && taken.length === 0) || asksFor(deeper, element as Struct, here)
    })
  }
  return partsOf(call.name).some(parts => asksFor(parts, call.body as Struct, place))
}

/** Whether an empty list stands for all there are, as null does elsewhere. */
function emptyIsAll({ name, version }: Call<ApiName>): boolean {
  return name === 'DescribeTopicPartitions' || (name === 'Metadata' && version === 0)
}

/** Names of the first topics that a request names. */
export function topicsOf(call: Call<ApiName>, topics: Topics, limit: number): readonly string[] {
  const found = new Set<string>()
  const look = (parts: Parts, body: unknown): void => {
    const asked = (body as Struct)[parts.asked]
    for (const element of (asked as readonly unknown[] | null) ?? []) {
      if (found.size >= limit) return
      const { topic } = parts.kind === 'topic' ? stepInto(parts, element, {}, 'asked', topics) : {}
      if (topic !== undefined && topic !== '') found.add(topic)
      else if (parts.within !== null && parts.kind !== 'topic') look(parts.within, element)
    }
  }
  for (const parts of partsOf(call.name)) look(parts, call.body)
  return [...found]
}
