import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type PartitionAssigner, PartitionAssigners } from 'kafkajs'
import { Load } from '../load.ts'
import { connect, Member as KafkajsMember } from '../peers/kafkajs.ts'
import { type Member, Members } from '../spine/members.ts'
import { until } from '../until.ts'
import { JavaMember } from './java-member.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const PARTITIONS = 6

/** A member of somebody else's client. */
interface Peer {
  readonly handled: readonly string[]
  /** How often it shared out the partitions. */
  readonly led: number
  leave(): Promise<void>
}

let cluster: KafkaCluster
before(async () => {
  cluster = await KafkaCluster.start({})
})
after(() => cluster?.close())

test('groups with members of other clients', { concurrency: true }, async t => {
  await Promise.all([
    ...(['range', 'cooperative-sticky'] as const).map(strategy =>
      t.test(`${strategy}: Kafka's own consumers and Millrace's share a group, and no message is handled twice`, () =>
        mixed(strategy, `java-${strategy}`, topic => JavaMember.join(cluster.brokers, topic, topic, strategy)),
      ),
    ),
    t.test("round-robin: kafkajs's consumers and Millrace's share a group, and no message is handled twice", () =>
      mixed('round-robin', 'kafkajs', joinKafkajs),
    ),
  ])
})

/** Members of both kinds come and go under load, and members of both kinds lead. */
async function mixed(
  strategy: 'range' | 'round-robin' | 'cooperative-sticky',
  topic: string,
  joinPeer: (topic: string) => Promise<Peer>,
): Promise<void> {
  await cluster.createTopic(topic, { partitions: PARTITIONS })
  await using group = new Members({ brokers: cluster.brokers }, topic)
  const load = new Load(cluster, topic, { partitions: PARTITIONS, perSecond: 300 })
  const peers: Peer[] = []
  const join = (name: string) => group.join(name, topic, { ownership: { strategies: [strategy] } })
  const ours: Member[] = []
  /** Members join or leave, then all partitions are handled again. */
  const step = async (change: () => Promise<unknown>) => {
    await change()
    await progress(load, () => [...group.handled, ...peers.flatMap(({ handled }) => handled)])
  }
  await step(async () => peers.push(await joinPeer(topic)))
  for (const name of ['one', 'two']) {
    await step(async () => {
      const member = join(name)
      ours.push(member)
      await until(`${name} owns partitions`, () => member.owned.length > 0)
    })
  }
  await until('whoever comes first leads', () => (peers[0]?.led ?? 0) > 0)
  await step(async () => peers[0]?.leave())
  assert.equal(ours.filter(({ membership }) => membership?.leader).length, 1)
  const before = peers.length
  await step(async () => peers.push(await joinPeer(topic)))
  assert.equal(peers[before]?.led, 0)
  await step(() => Promise.all(ours.map(member => member.close())))
  await until('who is left leads', () => (peers[before]?.led ?? 0) > 0)
  await step(async () => {
    const member = join('three')
    await until('three owns partitions', () => member.owned.length > 0)
  })
  const written = await load.stop()
  const handled = () => [...group.handled, ...peers.flatMap(peer => peer.handled)]
  await until('all is handled', () => new Set(handled()).size === written)
  await peers[before]?.leave()
  await group[Symbol.asyncDispose]()
  assert.deepEqual(twice(handled()), [])
  const committed = (await cluster.committed(topic)).reduce((sum, { offset }) => sum + offset, 0)
  assert.equal(committed, written)
}

/** Waits until of each partition something is handled that is written from now on. */
async function progress(load: Load, handled: () => readonly string[]): Promise<void> {
  const from = [...load.ends]
  const begun = (partition: number) =>
    handled().some(name => {
      const [, p, offset] = /-(\d+)@(\d+)$/.exec(name) ?? []
      return Number(p) === partition && Number(offset) >= (from[partition] ?? 0)
    })
  await until('every partition makes progress', () => from.every((_, partition) => begun(partition)))
}

function twice(names: readonly string[]): string[] {
  const seen = new Set<string>()
  return names.filter(name => seen.size === seen.add(name).size)
}

/** kafkajs's own strategy under Kafka's name: its messages have the same format. */
async function joinKafkajs(topic: string): Promise<Peer> {
  let led = 0
  const roundRobin: PartitionAssigner = parts => {
    const assigner = PartitionAssigners.roundRobin(parts)
    return {
      ...assigner,
      name: 'roundrobin',
      assign(group) {
        led++
        return assigner.assign(group)
      },
    }
  }
  const kafka = connect([...cluster.brokers])
  const member = await KafkajsMember.join(kafka, topic, topic, { partitionAssigners: [roundRobin] })
  return {
    handled: member.handled,
    get led() {
      return led
    },
    leave: () => member[Symbol.asyncDispose](),
  }
}
