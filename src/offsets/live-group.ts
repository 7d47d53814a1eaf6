import { MillraceError } from '../base/errors.ts'
import type { NativeClient } from '../client/native-client.ts'
import { errorCodes, kafkaError } from '../protocol/error-codes.ts'

const MOST_NAMES = 10

/** Who consumes for a group now, as its coordinator describes it. */
interface LiveGroup {
  readonly state: string
  /** `classic`, or `consumer` (KIP-848). */
  readonly protocol: string
  /** Client id and host of each member. */
  readonly members: readonly string[]
}

interface Described {
  readonly groupState: string
  readonly members: readonly { readonly clientId: string; readonly clientHost: string }[]
}

type GroupClient = Pick<NativeClient, 'send'>

/**
 * Null when the group has no members or does not exist. Each of the two kinds of group is asked for with a request of its own, and is
 * unknown to the other's. Rejects with a `KafkaError` or what the client rejects with.
 */
export async function findLiveGroup(client: GroupClient, group: string, timeoutMs: number): Promise<LiveGroup | null> {
  const classic = await describeClassic(client, group, timeoutMs)
  const described = classic ?? (await describeConsumer(client, group, timeoutMs))
  if (described === null || described.groupState === 'Empty' || described.groupState === 'Dead') return null
  const members = described.members.map(({ clientId, clientHost }) => `${clientId} at ${clientHost.replace(/^\//, '')}`)
  return { state: described.groupState, protocol: classic === null ? 'consumer' : 'classic', members }
}

/** https://kafka.apache.org/protocol#The_Messages_DescribeGroups: a group that is none of this kind is `Dead`, or not found. */
async function describeClassic(client: GroupClient, group: string, timeoutMs: number): Promise<Described | null> {
  const answer = await client.send({ group }, 'DescribeGroups', { groups: [group] }, { timeoutMs })
  const described = only(answer.groups, group)
  if (described.errorCode === errorCodes.GROUP_ID_NOT_FOUND) return null
  throwIf(described.errorCode, group)
  return described.groupState === 'Dead' ? null : described
}

/** KIP-848. Brokers before Kafka 3.7 do not know the request, and those where that protocol is switched off refuse it. */
async function describeConsumer(client: GroupClient, group: string, timeoutMs: number): Promise<Described | null> {
  const body = { groupIds: [group], includeAuthorizedOperations: false }
  try {
    const answer = await client.send({ group }, 'ConsumerGroupDescribe', body, { timeoutMs })
    const described = only(answer.groups, group)
    if (described.errorCode === errorCodes.GROUP_ID_NOT_FOUND) return null
    throwIf(described.errorCode, group)
    return described
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'UNSUPPORTED_VERSION') return null
    throw thrown
  }
}

function only<T extends { readonly groupId: string }>(groups: readonly T[], group: string): T {
  const found = groups.find(({ groupId }) => groupId === group)
  if (found !== undefined) return found
  throw new MillraceError('BAD_ANSWER', `describing group ${group}: the broker's answer leaves it out`, {
    retriable: true,
  })
}

function throwIf(errorCode: number, group: string): void {
  const error = kafkaError(errorCode, `describing group ${group}`)
  if (error !== null) throw error
}

/** The error that tells who is there and what to do. */
export function liveGroupMessage(group: string, { state, protocol, members }: LiveGroup): string {
  const more = members.length > MOST_NAMES ? ` and ${members.length - MOST_NAMES} more` : ''
  const who = members.length === 0 ? 'members that are joining' : members.slice(0, MOST_NAMES).join(', ') + more
  return (
    `The group ${group} has live members (state ${state}, ${protocol} protocol): ${who}. Partitions without membership can be ` +
    'consumed for a group only while it has none. Stop them (one that crashed stays a member until its session timeout is over), ' +
    'or give this consumer a group of its own'
  )
}
