import { compile } from '../../../src/protocol/codec.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { Writer } from '../../../src/protocol/writer.ts'
import type { AskOptions, Probe } from '../probe.ts'

type Join = Encodable<Requests['JoinGroup']>
type Leaving = Encodable<NonNullable<Requests['LeaveGroup']['members']>[number]>

/** What a member says to its group, in the versions that belong to a version of JoinGroup. */
export class GroupSession {
  readonly group: string
  readonly #probe: Probe
  readonly #version: number

  constructor(probe: Probe, version: number, group = probe.named('group')) {
    this.#probe = probe
    this.#version = version
    this.group = group
  }

  join(step: string, more: Join = {}, options: AskOptions<'JoinGroup'> = {}): Promise<Responses['JoinGroup']> {
    return this.#probe.ask(step, 'JoinGroup', this.#version, { ...this.#joining, ...more }, options)
  }

  get #joining(): Join {
    return {
      groupId: this.group,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols: protocols('range'),
    }
  }

  /** Joins as one who is new: from version 4 on that takes two requests. */
  async enter(step: string, more: Join = {}, options: AskOptions<'JoinGroup'> = {}): Promise<Responses['JoinGroup']> {
    const first = await this.join(step, more, options)
    if (first.errorCode !== 79) return first
    return this.join(`${step}, with the id`, { ...more, memberId: first.memberId }, options)
  }

  /** As the leader when it is given assignments by member id. */
  sync(
    step: string,
    generationId: number,
    memberId: string,
    assignments: Readonly<Record<string, string>> = {},
    more: Encodable<Requests['SyncGroup']> = {},
    options: AskOptions<'SyncGroup'> = {},
  ): Promise<Responses['SyncGroup']> {
    const body = {
      groupId: this.group,
      generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([id, text]) => ({ memberId: id, assignment: Buffer.from(text) })),
    }
    return this.#probe.ask(step, 'SyncGroup', Math.min(this.#version, 5), { ...body, ...more }, options)
  }

  heartbeat(step: string, generationId: number, memberId: string, more: Encodable<Requests['Heartbeat']> = {}) {
    const body = { groupId: this.group, generationId, memberId, ...more }
    return this.#probe.ask(step, 'Heartbeat', Math.min(this.#version, 4), body)
  }

  leave(step: string, ...members: Leaving[]) {
    const body = { groupId: this.group, memberId: members[0]?.memberId ?? '', members }
    return this.#probe.ask(step, 'LeaveGroup', Math.min(this.#version, 5), body)
  }

  describe(step: string, until?: string) {
    const version = Math.min(this.#version, 6)
    return this.#probe.ask(
      step,
      'DescribeGroups',
      version,
      { groups: [this.group] },
      until === undefined ? {} : { until: ({ groups }) => groups[0]?.groupState === until },
    )
  }

  /** Waits until the group is in this state, without writing it down. */
  async reaches(state: string): Promise<void> {
    const until = ({ groups }: Responses['DescribeGroups']) => groups[0]?.groupState === state
    await this.#probe.setUp('DescribeGroups', { groups: [this.group] }, { until })
  }

  commit(step: string, topic: string, committedOffset: number, more: Encodable<Requests['OffsetCommit']> = {}) {
    const version = Math.min(this.#version + 2, 9)
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: 'm' }]
    const body = { groupId: this.group, generationIdOrMemberEpoch: -1, topics: [{ name: topic, partitions }], ...more }
    return this.#probe.ask(step, 'OffsetCommit', version, body)
  }
}

/** Protocols of consumers, each with metadata of its own. */
export function protocols(...names: string[]): { name: string; metadata: Buffer }[] {
  return names.map(name => ({ name, metadata: subscription(['topic'], `of ${name}`) }))
}

/** What a consumer says of its topics when it joins: Kafka reads it, and never answers when it cannot. */
export function subscription(topics: readonly string[], userData = ''): Buffer {
  const writer = new Writer()
  writer.int16(1)
  const said = { topics, userData: Buffer.from(userData) }
  compile<object>('ConsumerProtocolSubscription', 1, false).encode(writer, said)
  return Buffer.from(writer.finish())
}
