import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { until } from '../until.ts'

/** A client that has nothing to do with the cluster's own means, to see what they did. */
export interface Outsider {
  /** The first messages of all partitions; `group` commits them. */
  read(topic: string, count: number, options?: ReadOptions): Promise<readonly ReadMessage[]>
}

export interface ReadOptions {
  readonly committedOnly?: boolean
  readonly group?: string
}

export interface ReadMessage {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
  /** As `name:value`. */
  readonly headers: readonly string[]
}

type Start = (options: ClusterOptions) => Promise<Cluster>

/** What tests rely on when they ask something of a cluster, on any kind of one. */
export function clusterTests(start: Start, outsider: (cluster: Cluster) => Outsider, codecs: readonly Codec[]): void {
  let cluster: Cluster

  before(async () => {
    cluster = await start({ topics: { orders: 3, events: { config: { 'retention.ms': '-1' } }, short: 1 } })
  })
  after(() => cluster?.close())

  const values = async (topic: string, count: number, options?: ReadOptions) =>
    (await outsider(cluster).read(topic, count, options)).map(({ value }) => value)

  test('what is written is where write() says, and is what others read', async () => {
    const messages = [{ value: 'a' }, { value: 'b' }, { value: 'c', partition: 1 }, { value: 'd' }]
    assert.deepEqual(await cluster.write('orders', messages), [
      { partition: 0, offset: 0 },
      { partition: 1, offset: 0 },
      { partition: 1, offset: 1 },
      { partition: 2, offset: 0 },
    ])
    assert.deepEqual((await values('orders', 4)).sort(), ['a', 'b', 'c', 'd'])
  })

  test('keys, headers, timestamps and null come through, compressed or not', async () => {
    const message = { key: 'k', value: null, headers: [['h', 'x']] as const, timestamp: 1_234 }
    for (const compression of codecs) await cluster.write('events', [message], { compression })
    const expected = { key: 'k', value: null, headers: ['h:x'], timestamp: 1_234 }
    const read = await outsider(cluster).read('events', codecs.length)
    assert.deepEqual(read, new Array(codecs.length).fill(expected))
  })

  test('an aborted transaction is not seen, a committed one is', async () => {
    await cluster.createTopic('ledger')
    const aborted = cluster.transaction()
    await aborted.write('ledger', [{ value: 'no' }])
    const committed = cluster.transaction({ compression: 'gzip' })
    await committed.write('ledger', [{ value: 'yes' }])
    await aborted.abort()
    await committed.commit()
    assert.deepEqual(await values('ledger', 1, { committedOnly: true }), ['yes'])
  })

  test('truncate moves the start of the log, and committed() tells what a group committed', async () => {
    await cluster.write('short', [{ value: '0' }, { value: '1' }, { value: '2' }])
    await cluster.truncate('short', 0, 2)
    assert.deepEqual(await cluster.committed('nobody'), [])
    assert.deepEqual(await values('short', 1, { group: 'somebody' }), ['2'])
    assert.deepEqual(await cluster.committed('somebody'), [{ topic: 'short', partition: 0, offset: 3, metadata: '' }])
  })

  test('what the cluster refuses is an error with its words', async () => {
    await assert.rejects(cluster.createTopic('orders'), /already exists/)
  })

  test('a topic that is deleted is gone, and is empty when it is made again', async () => {
    await cluster.createTopic('brief')
    await cluster.write('brief', [{ value: 'old' }])
    await cluster.deleteTopic('brief')
    await until('it can be made again', () =>
      cluster.createTopic('brief').then(
        () => true,
        () => false,
      ),
    )
    assert.deepEqual(await cluster.write('brief', [{ value: 'new' }]), [{ partition: 0, offset: 0 }])
  })

  test('a node that was killed comes back with its data', async () => {
    await cluster.kill(1)
    await cluster.restart(1)
    assert.deepEqual(await cluster.write('short', [{ value: '3' }]), [{ partition: 0, offset: 3 }])
  })

  test('on three nodes leaders move when told to, and when their node dies', async () => {
    await using three = await start({ nodes: 3, topics: { orders: 2 } })
    const first = await three.leader('orders', 0)
    const second = await three.moveLeader('orders', 0)
    assert.notEqual(second, first)
    assert.equal(await three.moveLeader('orders', 0, first), first)
    await three.kill(first)
    await until('it has another leader', async () => ![first, -1].includes(await three.leader('orders', 0)))
    await three.write('orders', [{ value: 'a', partition: 0 }])
    await three.restart(first)
    assert.equal(await three.moveLeader('orders', 0, first), first)
  })
}

type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
