import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { FetchQuery } from '../../src/client/low-level-client.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { mutated } from '../protocol/hostile-bytes.ts'
import { reachableBytes } from './memory.ts'
import { startClient } from './recorder.ts'
import { ScriptedBroker } from './scripted-broker.ts'

const uncaught: unknown[] = []
process.on('uncaughtExceptionMonitor', error => uncaught.push(error))
after(() => assert.deepEqual(uncaught, []))

const random = seededRandom(20)
const rounds = 100

/** A good answer with a few changes behind its correlation id, and a length that fits. */
function spoiled(frame: Buffer): Buffer {
  const body = mutated(frame.subarray(8), random)
  const head = Buffer.from(frame.subarray(0, 8))
  head.writeInt32BE(4 + body.length)
  return Buffer.concat([head, body])
}

async function startBroker(): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start()
  // A name that leads nowhere but here, whatever becomes of it.
  broker.advertised = 'kafka.test'
  broker.topics.set('orders', [1, 1])
  broker.topicIds.set('orders', Buffer.alloc(16, 1).toString('base64url'))
  broker.on('Fetch', ({ body }) => {
    const records = writeBatch([{ key: 'k', value: 'v' }])
    const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, highWatermark: 9, records }))
    return { responses: [{ topicId: body.topics[0]?.topicId ?? '', partitions }] }
  })
  broker.on('ListOffsets', () => ({ topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 3 }] }] }))
  broker.on('OffsetForLeaderEpoch', () => ({
    topics: [{ topic: 'orders', partitions: [{ partition: 0, leaderEpoch: 7, endOffset: 3 }] }],
  }))
  broker.on('Produce', ({ body }) => ({
    responses: [{ topicId: body.topicData[0]?.topicId ?? '', partitionResponses: [{ index: 0, baseOffset: 3 }] }],
  }))
  broker.on('FindCoordinator', ({ body }) => ({
    coordinators: body.coordinatorKeys.map(key => ({ key, nodeId: 1, host: 'kafka.test', port: broker.port })),
  }))
  broker.on('Heartbeat', () => ({ errorCode: 0 }))
  return broker
}

const fetching: FetchQuery = {
  ...{ nodeId: 1, connection: 0, maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolation: 'read_committed' },
  partitions: [0, 1].map(partition => ({ topic: 'orders', partition, offset: 0, leaderEpoch: 7, maxBytes: 1_000 })),
}
const records = writeBatch([{ value: 'v' }])

function outcomeOf(entries: readonly { readonly error: MillraceError | null }[]): void {
  for (const { error } of entries) if (error !== null) throw error
}

const calls = {
  Metadata: client => client.metadata(['orders']),
  Fetch: client => client.fetch(fetching),
  ListOffsets: async client =>
    outcomeOf(await client.listOffsets([{ topic: 'orders', partition: 0, timestamp: -1 }], 'read_committed')),
  OffsetForLeaderEpoch: async client =>
    outcomeOf(await client.offsetsForLeaderEpoch([{ topic: 'orders', partition: 0, leaderEpoch: 7 }])),
  Produce: async client => outcomeOf(await client.produce([{ topic: 'orders', partition: 0, records }])),
  FindCoordinator: (client, round) => {
    const group = `group-${round}`
    return client.send({ group }, 'Heartbeat', { groupId: group, generationId: 1, memberId: 'm' })
  },
  ApiVersions: client => client.metadata(['orders']),
} satisfies Partial<Record<ApiName, (client: ReturnType<typeof startClient>, round: number) => Promise<unknown>>>

for (const [name, call] of Object.entries(calls) as [keyof typeof calls, (typeof calls)['FindCoordinator']][]) {
  test(`spoiled ${name} answers give values or typed errors, in time, and no memory is kept`, async () => {
    await using broker = await startBroker()
    const good = broker.handler<ApiName>(name)
    const spoil = () =>
      broker.on<ApiName>(name, async (request, incoming) =>
        spoiled(incoming.answer(request.name, (await good(request, incoming)) as object)),
      )
    const lookup = async (host: string) => {
      if (host !== 'kafka.test') throw new Error('no such host')
      return ['127.0.0.1']
    }
    const options = { lookup, requestTimeoutMs: 100, connectTimeoutMs: 100, reconnect: { minMs: 1, maxMs: 1 } }
    const tally = { values: 0, errors: 0 }
    const round = async (index: number) => {
      await using client = startClient({ brokers: [`kafka.test:${broker.port}`], ...options })
      broker.on<ApiName>(name, good)
      // A busy machine may take longer than the short deadline.
      while ((await client.metadata(['orders']).catch(() => null)) === null) {}
      spoil()
      if (name === 'ApiVersions') broker.disconnect()
      try {
        await call(client, index)
        tally.values += 1
      } catch (error) {
        assert.ok(error instanceof MillraceError, String((error as Error).stack))
        tally.errors += 1
      }
      broker.seen.length = 0
    }
    for (let i = 0; i < 20; i += 1) await round(i)
    const before = await reachableBytes()
    for (let i = 0; i < rounds; i += 1) await round(i)
    assert.ok((await reachableBytes()) - before < 2_000_000)
    assert.ok(tally.errors > 0, JSON.stringify(tally))
  })
}
