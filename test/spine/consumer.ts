import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { batch, Consumer, type ConsumerOptions, constant, json, Poison, Retry, string } from '../../src/index.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { until } from '../until.ts'
import { lag, running } from './running.ts'

const PARTITIONS = [0, 1, 2]

/** What a consumer promises, on one node of any kind of cluster. */
export function consumerTests(start: (options: ClusterOptions) => Promise<Cluster>): void {
  let cluster: Cluster
  let made = 0

  before(async () => {
    cluster = await start({ nodes: 1 })
  })
  after(() => cluster?.close())

  /** A topic of three partitions and a group, for one test. */
  const fresh = async (config: Record<string, string> = {}) => {
    const name = `t${++made}`
    await cluster.createTopic(name, { partitions: PARTITIONS.length, config })
    return { topic: name, group: `g${made}`, match: { topic: name, partitions: PARTITIONS } }
  }
  const options = (rest: Partial<ConsumerOptions> = {}): ConsumerOptions => {
    return { brokers: cluster.brokers, ...cluster.security, logLevel: 'silent', ...rest }
  }
  const numbered = (count: number, keys = 10) =>
    Array.from({ length: count }, (_, n) => {
      return { key: `k${n % keys}`, value: String(n), partition: (n % keys) % PARTITIONS.length }
    })
  const committed = async (group: string, topic: string) => {
    const found = await cluster.committed(group)
    return PARTITIONS.map(p => found.find(entry => entry.topic === topic && entry.partition === p)?.offset ?? -1)
  }
  const ends = (written: readonly { partition: number; offset: number }[]) =>
    PARTITIONS.map(p => Math.max(-1, ...written.filter(w => w.partition === p).map(w => w.offset)) + 1)

  describe('handling and committing', () => {
    test('every message is handled once, in order within its key, and the commit is the end of the log', async () => {
      const { topic, group, match } = await fresh()
      const written = await cluster.write(topic, numbered(900))
      const seen = new Map<string, number[]>()
      const busy = new Set<string>()
      const consumer = new Consumer(options({ group, work: { concurrency: 32 } })).topic(
        match,
        { key: string, value: json() },
        async message => {
          const key = message.key ?? ''
          assert.ok(!busy.has(key), `two messages of ${key} at the same time`)
          busy.add(key)
          await new Promise(resolve => setImmediate(resolve))
          busy.delete(key)
          seen.set(key, [...(seen.get(key) ?? []), message.value as number])
        },
      )
      await using run = running(consumer)
      await until('all are handled', () => [...seen.values()].flat().length >= 900)
      assert.deepEqual(await consumer.close(), { drained: true, undone: 0 })
      await run.ended
      assert.equal(run.error, null)
      for (const values of seen.values())
        assert.deepEqual(
          values,
          [...values].sort((a, b) => a - b),
        )
      assert.equal(new Set([...seen.values()].flat()).size, 900)
      assert.deepEqual(await committed(group, topic), ends(written))
    })

    test('a restart goes on where the last one stopped', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(30))
      const seen: string[] = []
      const round = async (upTo: number) => {
        const consumer = new Consumer(options({ group })).topic(match, { value: string }, message => {
          seen.push(message.value ?? '')
        })
        await using _ = running(consumer)
        await until(`${upTo} are handled`, () => seen.length >= upTo)
        await consumer.close()
      }
      await round(30)
      await cluster.write(topic, numbered(12))
      await round(42)
      assert.equal(seen.length, 42)
    })

    test('compressed batches are read: gzip and zstd', async () => {
      const { topic, match } = await fresh()
      for (const compression of ['gzip', 'zstd'] as const) await cluster.write(topic, numbered(300), { compression })
      let count = 0
      const consumer = new Consumer(options()).topic(match, () => void count++)
      await using _ = running(consumer)
      await until('all are handled', () => count === 600)
    })

    test('a batch larger than every limit is read', async () => {
      const { topic, match } = await fresh()
      const big = 'x'.repeat(300_000)
      await cluster.write(topic, [
        { value: big, partition: 0 },
        { value: big, partition: 0 },
        { value: 'y', partition: 1 },
      ])
      let bytes = 0
      const consumer = new Consumer(
        options({ fetch: { partitionMaxBytes: 1_000, maxBytes: 2_000, reservoir: { bytes: 1_000, messages: 1 } } }),
      ).topic(match, message => {
        bytes += message.value?.length ?? 0
      })
      await using _ = running(consumer)
      await until('all are handled', () => bytes === 600_001)
      await until('nothing is held', () => consumer.state().reservoir.bytes === 0)
    })

    test('aborted transactions and markers are left out, and lag reaches 0 behind them', async () => {
      const { topic, group, match } = await fresh()
      const write = async (value: string, end: 'commit' | 'abort') => {
        const transaction = cluster.transaction()
        await transaction.write(
          topic,
          PARTITIONS.map(partition => ({ value, partition })),
        )
        await transaction[end]()
      }
      await write('no', 'abort')
      await write('yes', 'commit')
      await write('no', 'abort')
      const seen: string[] = []
      const consumer = new Consumer(options({ group })).topic(match, { value: string }, message => {
        seen.push(message.value ?? '')
      })
      await using _ = running(consumer)
      await until('lag is 0', () => lag(consumer) === 0)
      assert.deepEqual(seen, ['yes', 'yes', 'yes'])
      await consumer.close()
      // Three batches and three markers in each partition.
      assert.deepEqual(await committed(group, topic), [6, 6, 6])
    })

    test('an open transaction is waited for, and shown', async () => {
      const { topic, match } = await fresh()
      const transaction = cluster.transaction()
      await transaction.write(topic, [{ value: 'later', partition: 0 }])
      const seen: string[] = []
      const consumer = new Consumer(options()).topic(match, { value: string }, message => {
        seen.push(message.value ?? '')
      })
      await using _ = running(consumer)
      const shown = () => consumer.state().partitions[0]?.openTransaction ?? null
      await until('it is shown', shown)
      const open = shown()
      assert.equal(open?.offset, 0)
      assert.ok(Math.abs(Date.now() - open.since) < 60_000)
      await cluster.write(topic, [{ value: 'behind it', partition: 0 }])
      await until('the end is known', () => consumer.state().partitions[0]?.highWatermark === 2)
      assert.deepEqual(shown(), open, 'it stands still')
      assert.deepEqual(seen, [])
      await transaction.commit()
      await until('all is handled', () => seen.length === 2)
      await until('nothing is open any more', () => shown() === null)
    })

    test('batches of one partition are handed over together and committed as a whole', async () => {
      const { topic, group, match } = await fresh()
      const written = await cluster.write(topic, numbered(600))
      let count = 0
      const sizes: number[] = []
      const consumer = new Consumer(options({ group })).topic(
        match,
        batch({ messages: 50, lingerMs: 20 }, messages => {
          assert.equal(new Set(messages.map(message => message.partition)).size, 1)
          sizes.push(messages.length)
          count += messages.length
        }),
      )
      await using _ = running(consumer)
      await until('all are handled', () => count === 600)
      assert.ok(Math.max(...sizes) === 50, `sizes were ${sizes}`)
      await consumer.close()
      assert.deepEqual(await committed(group, topic), ends(written))
    })
  })

  describe('batches', () => {
    test('of a route they mix partitions and topics, each in its order, and all is committed', async () => {
      const [first, second] = [await fresh(), await fresh()]
      const { group, match } = first
      const written = [
        await cluster.write(first.topic, numbered(300)),
        await cluster.write(second.topic, numbered(300)),
      ]
      let count = 0
      let mixed = 0
      const topics = typeof match === 'string' ? [first.topic, second.topic] : null
      const consumer = new Consumer(options({ group, work: { order: 'none' } }))
      const handler = batch({ by: 'route', messages: 70, lingerMs: 20 }, batch => {
        const places = batch.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition || a.offset - b.offset),
        )
        if (new Set(places.map(({ topic, partition }) => `${topic} ${partition}`)).size > 1) mixed++
        count += batch.length
      })
      if (topics === null) consumer.topic(first.match, handler).topic(second.match, handler)
      else consumer.topic(topics, handler)
      await using _ = running(consumer)
      await until('all are handled', () => count === 600)
      assert.ok(mixed > 0)
      await consumer.close()
      assert.deepEqual(await committed(group, first.topic), ends(written[0] ?? []))
      assert.deepEqual(await committed(group, second.topic), ends(written[1] ?? []))
    })

    test('of a key they hold that key alone, in its order', async () => {
      const { topic, match } = await fresh()
      await cluster.write(topic, numbered(600))
      const seen = new Map<string, string[]>()
      let count = 0
      const consumer = new Consumer(options()).topic(
        match,
        { key: string, value: string },
        batch({ by: 'key', messages: 8, lingerMs: 20 }, async batch => {
          const keys = new Set(batch.map(({ key, partition }) => `${partition} ${key}`))
          assert.equal(keys.size, 1)
          const [key = ''] = keys
          await new Promise(resolve => setImmediate(resolve))
          seen.set(key, [...(seen.get(key) ?? []), ...batch.map(({ offset }) => String(offset))])
          count += batch.length
        }),
      )
      await using _ = running(consumer)
      await until('all are handled', () => count === 600)
      for (const offsets of seen.values()) {
        assert.deepEqual(
          offsets,
          offsets.toSorted((a, b) => Number(a) - Number(b)),
        )
      }
    })

    test('what a handler says is done is committed while it runs, and what fails alone is written elsewhere by itself', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(
        topic,
        new Array(10).fill(null).map((_, n) => ({ value: String(n), partition: 0 })),
      )
      const failed: string[] = []
      const ended = Promise.withResolvers<void>()
      let said = false
      const consumer = new Consumer(
        options({
          group,
          offsets: { commitIntervalMs: 20 },
          work: {
            order: 'none',
            attempts: 1,
            onFailure: ({ message }) => {
              failed.push(String(message.value))
              return 'skip'
            },
          },
        }),
      ).topic(
        match,
        { value: string },
        batch({ messages: 10, lingerMs: 60_000 }, async batch => {
          if (said) return
          said = true
          for (const message of batch.slice(0, 6)) batch.done(message)
          batch.fail(batch[7] as (typeof batch)[number], new Error('no'))
          await ended.promise
        }),
      )
      await using _ = running(consumer)
      await until('six are committed', async () => (await committed(group, topic))[0] === 6)
      assert.deepEqual(failed, [])
      ended.resolve()
      await until('all are committed', async () => (await committed(group, topic))[0] === 10)
      assert.deepEqual(failed, ['7'])
    })

    test('one message that always fails costs its batch nothing but some calls', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(
        topic,
        new Array(64).fill(null).map((_, n) => ({ value: String(n), partition: 0 })),
      )
      const done = new Set<string>()
      const failed: string[] = []
      const consumer = new Consumer(options({ group, work: { attempts: 1, onFailure: 'skip' } })).topic(
        match,
        { value: string },
        batch({ messages: 64, lingerMs: 200 }, batch => {
          const values = batch.map(({ value }) => String(value))
          if (values.includes('41')) throw new Error('no')
          for (const value of values) done.add(value)
        }),
      )
      consumer.on('failed', ({ message }) => failed.push(String(message.value)))
      await using _ = running(consumer)
      await until('all is done', async () => consumer.state().work.done === 64)
      assert.deepEqual([failed, done.size], [['41'], 63])
    })
  })

  describe('where it begins', () => {
    test("'latest' hands out only what comes later, and is committed before any message", async () => {
      const { topic, group, match } = await fresh()
      const written = await cluster.write(topic, numbered(30))
      const seen: string[] = []
      const consumer = new Consumer(options({ group, offsets: { start: 'latest' } })).topic(
        match,
        { value: string },
        message => void seen.push(message.value ?? ''),
      )
      await using _ = running(consumer)
      await until('the start is committed', async () => !(await committed(group, topic)).includes(-1))
      assert.deepEqual(await committed(group, topic), ends(written))
      await cluster.write(topic, [{ value: 'new', partition: 1 }])
      await until('the new one is handled', () => seen.length > 0)
      assert.deepEqual(seen, ['new'])
    })

    test('a timestamp begins at the first message that is not older', async () => {
      const { topic, match } = await fresh()
      await cluster.write(
        topic,
        [1_000, 2_000, 3_000].map(timestamp => ({ value: String(timestamp), timestamp, partition: 0 })),
      )
      const seen: string[] = []
      const consumer = new Consumer(options({ offsets: { start: { timestamp: 1_500 } } })).topic(
        match,
        { value: string },
        message => void seen.push(message.value ?? ''),
      )
      await using _ = running(consumer)
      await until('they are handled', () => seen.length === 2)
      assert.deepEqual(seen, ['2000', '3000'])
    })

    test('a committed offset that was deleted stops the consumer, unless a policy says where to go on', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(300, 3))
      const once = new Consumer(options({ group })).topic(match, async () => {})
      {
        await using _ = running(once)
        await until('lag is 0', () => lag(once) === 0)
        await once.close()
      }
      await cluster.write(topic, numbered(300, 3))
      for (const partition of PARTITIONS) await cluster.truncate(topic, partition, 150)
      const strict = new Consumer(options({ group })).topic(match, () => {})
      await using run = running(strict)
      await run.ended
      assert.equal((run.error as { code?: string } | null)?.code, 'OFFSET_OUT_OF_RANGE')

      const seen: number[] = []
      const lenient = new Consumer(options({ group, fetch: { onOutOfRange: 'earliest' } })).topic(match, message => {
        seen.push(message.offset)
      })
      await using _ = running(lenient)
      await until('lag is 0', () => lag(lenient) === 0)
      assert.equal(Math.min(...seen), 150)
      assert.equal(seen.length, 150)
    })

    test('a start offset that does not exist stops the consumer and is not committed', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(30, 3))
      const lost = new Consumer(options({ group, offsets: { start: { offset: 1_000 }, commitIntervalMs: 20 } })).topic(
        match,
        () => {},
      )
      await using run = running(lost)
      await run.ended
      assert.equal((run.error as { code?: string } | null)?.code, 'OFFSET_OUT_OF_RANGE')
      assert.deepEqual(await committed(group, topic), [-1, -1, -1])
    })

    test('seek goes on elsewhere, and pause hands out nothing', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(30, 3))
      const seen: string[] = []
      const consumer = new Consumer(options({ group, fetch: { maxWaitMs: 50 } })).topic(match, message => {
        seen.push(`${message.partition}@${message.offset}`)
      })
      await using _ = running(consumer)
      await until('all are handled', () => seen.length === 30)
      consumer.pause([{ topic, partition: 1 }])
      consumer.seek({ topic, partition: 0 }, 7)
      await until('3 come again', () => seen.length === 33)
      assert.deepEqual(seen.slice(30), ['0@7', '0@8', '0@9'])
      assert.equal(consumer.state().partitions[1]?.paused, true)
      await cluster.write(
        topic,
        [1, 2].map(partition => ({ value: 'x', partition })),
      )
      await until('the other partition goes on', () => seen.includes('2@10'))
      assert.ok(!seen.includes('1@10'))
      consumer.resume()
      await until('it is handled', () => seen.includes('1@10'))
      consumer.seek({ topic, partition: 2 }, 'earliest')
      await until('11 come again', () => seen.length === 46)
    })
  })

  describe('failures', () => {
    test('a failing message is tried again while others go on, then handled', async () => {
      const { topic, group, match } = await fresh()
      const written = await cluster.write(topic, numbered(90))
      const attempts = new Map<string, number>()
      let done = 0
      const consumer = new Consumer(options({ group, work: { backoff: constant(20) } })).topic(
        match,
        { value: string },
        async ({ value }, { attempt }) => {
          attempts.set(value ?? '', attempt)
          if (Number(value) % 10 === 0 && attempt < 3) throw attempt === 1 ? new Error('no') : new Retry({ afterMs: 1 })
          done++
        },
      )
      await using _ = running(consumer)
      await until('all are handled', () => done === 90)
      assert.deepEqual([...new Set(attempts.values())].sort(), [1, 3])
      await consumer.close()
      assert.deepEqual(await committed(group, topic), ends(written))
    })

    test("'stop' rejects run with the cause, and the message comes again after a restart", async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(30, 3))
      const failing = new Consumer(options({ group, work: { attempts: 1 } })).topic(
        match,
        { value: string },
        message => {
          if (message.partition === 1 && message.offset === 4) throw new Error('broken order')
        },
      )
      await using run = running(failing)
      await run.ended
      assert.match(run.error?.message ?? '', /\[1\] offset 4 .*broken order/)
      assert.equal((await committed(group, topic))[1], 4)

      const again: string[] = []
      const mended = new Consumer(options({ group })).topic(match, message => {
        again.push(`${message.partition}@${message.offset}`)
      })
      await using _ = running(mended)
      await until('lag is 0', () => lag(mended) === 0)
      assert.ok(again.includes('1@4'))
      assert.ok(!again.includes('1@3'))
    })

    test("'skip' commits past the message; an undecodable one has no second attempt; Poison neither", async () => {
      const { topic, group, match } = await fresh()
      const values = ['{"a":1}', 'not json', '{"a":2}', '{"a":3}']
      const written = await cluster.write(
        topic,
        values.map(value => ({ value, partition: 0 })),
      )
      const failed: string[] = []
      const consumer = new Consumer(options({ group, work: { onFailure: 'skip' } })).topic(
        match,
        { value: json() },
        message => {
          if ((message.value as { a: number }).a === 3) throw new Poison('never')
        },
      )
      consumer.on('failed', failure => failed.push(`${failure.message.offset} ${failure.reason} ${failure.attempts}`))
      await using _ = running(consumer)
      await until('lag is 0', () => lag(consumer) === 0)
      assert.deepEqual(failed.sort(), ['1 decode 1', '3 error 1'])
      await consumer.close()
      assert.deepEqual(await committed(group, topic), [ends(written)[0], 0, 0])
    })

    test("'leave' and 'hold' keep the commit back and let others go on", async () => {
      const { topic, group, match } = await fresh()
      const messages = ['a', 'b', 'a', 'c'].map((key, n) => ({ key, value: String(n), partition: 0 }))
      await cluster.write(topic, messages)
      for (const decision of ['leave', 'hold'] as const) {
        const seen: string[] = []
        let mended = false
        const consumer = new Consumer(
          options({
            group: `${group}-${decision}`,
            work: { attempts: 1, onFailure: decision, redeliverMs: 50, backoff: constant(50) },
          }),
        ).topic(match, { value: string }, message => {
          if (message.offset === 0 && !mended) throw new Error('not yet')
          seen.push(message.value ?? '')
        })
        await using _ = running(consumer)
        const others = decision === 'leave' ? ['1', '2', '3'] : ['1', '3']
        await until('the others are handled', () => others.every(value => seen.includes(value)))
        await until('it is shown', () => consumer.state().partitions[0]?.undone === 1)
        assert.equal((await committed(`${group}-${decision}`, topic))[0], 0)
        mended = true
        await until('lag is 0', () => lag(consumer) === 0)
        assert.deepEqual([...seen].sort(), ['0', '1', '2', '3'])
        if (decision === 'hold') assert.ok(seen.indexOf('0') < seen.indexOf('2'))
      }
    })

    test('a handler that outlives its timeout gets its signal, and its rejection is a timeout', async () => {
      const { topic, match } = await fresh()
      await cluster.write(topic, [{ value: 'slow', partition: 0 }])
      const reasons: string[] = []
      const consumer = new Consumer(options({ work: { timeoutMs: 100, attempts: 1, onFailure: 'skip' } })).topic(
        match,
        (_, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      )
      consumer.on('failed', ({ reason, error }) => reasons.push(`${reason} ${error.name}`))
      await using _ = running(consumer)
      await until('lag is 0', () => lag(consumer) === 0)
      assert.deepEqual(reasons, ['timeout HandlerTimeout'])
    })
  })

  describe('trouble', () => {
    test('a broker that is killed and comes back costs no message', async () => {
      const { topic, group, match } = await fresh()
      const written = await cluster.write(topic, numbered(800))
      const seen = new Set<string>()
      let reconnecting = 0
      const consumer = new Consumer(options({ group, work: { concurrency: 4 } })).topic(
        match,
        { value: string },
        async message => {
          await new Promise(resolve => setTimeout(resolve, 2))
          seen.add(message.value ?? '')
        },
      )
      consumer.on('reconnecting', () => reconnecting++)
      await using run = running(consumer)
      await until('some are handled', () => seen.size > 100)
      await cluster.kill(1)
      await until('it is noticed', () => reconnecting > 0)
      await cluster.restart(1)
      await until('all are handled', () => seen.size === 800)
      await until('the commit is at the end', async () =>
        (await committed(group, topic)).every((offset, p) => offset === ends(written)[p]),
      )
      await consumer.close()
      assert.equal(run.error, null)
    })

    test('a consumer started before its broker waits for it', async () => {
      const { topic, match } = await fresh()
      await cluster.write(topic, numbered(10))
      await cluster.kill(1)
      let count = 0
      const consumer = new Consumer(options({ group: 'early' })).topic(match, () => void count++)
      await using run = running(consumer)
      await until('it tries', () => consumer.state().status === 'starting')
      await cluster.restart(1)
      await until('all are handled', () => count === 10)
      assert.equal(run.error, null)
    })

    test('a topic that does not exist is waited for, or stops the consumer', async () => {
      const group = 'missing'
      const strict = new Consumer(options({ group, ownership: { missingTopics: 'fail' } })).topic(
        { topic: 'not-there', partitions: [0] },
        () => {},
      )
      await using run = running(strict)
      await run.ended
      assert.equal((run.error as { code?: string } | null)?.code, 'MISSING_TOPIC')

      let count = 0
      const patient = new Consumer(options()).topic('not-there', () => void count++)
      await using _ = running(patient)
      await until('it is shown', () => patient.state().ownership?.waiting.length === 1)
      await cluster.createTopic('not-there')
      await cluster.write('not-there', [{ value: 'x' }])
      await until('it is handled', () => count === 1)
    })

    test('a topic that is deleted and created again is another one: its partitions are lost, and it is read from its start', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(90))
      let seen: string[] = []
      const told: string[] = []
      const consumer = new Consumer(options({ group, offsets: { commitIntervalMs: 20 } })).topic(
        match,
        { value: string },
        message => void seen.push(message.value ?? ''),
      )
      for (const event of ['assigned', 'lost'] as const) {
        consumer.on(event, partitions => told.push(...partitions.map(({ partition }) => `${event} ${partition}`)))
      }
      await using run = running(consumer)
      await until('all are handled and committed', async () =>
        (await committed(group, topic)).every(offset => offset >= 27),
      )
      // Shorter than it was, and longer.
      for (const count of [30, 300]) {
        seen = []
        told.length = 0
        await cluster.deleteTopic(topic)
        const creation = () => cluster.createTopic(topic, { partitions: PARTITIONS.length })
        await until('it can be created again', () =>
          creation().then(
            () => true,
            () => false,
          ),
        )
        const written = await cluster.write(topic, numbered(count))
        await until(`the ${count} of the new one are handled`, () => seen.length >= count || run.error !== null)
        assert.equal(run.error, null)
        assert.equal(new Set(seen).size, count)
        assert.equal(seen.length, count)
        assert.deepEqual([...told].sort(), ['assigned 0', 'assigned 1', 'assigned 2', 'lost 0', 'lost 1', 'lost 2'])
        await until('the commit is at its end', async () =>
          (await committed(group, topic)).every((offset, p) => offset === ends(written)[p]),
        )
      }
    })

    test('close ends every handler that will not end by itself, within its deadlines', async () => {
      const { topic, group, match } = await fresh()
      await cluster.write(topic, numbered(9, 3))
      const started: number[] = []
      const consumer = new Consumer(options({ group, work: { abandonMs: 50 } })).topic(match, message => {
        started.push(message.offset)
        return message.partition === 0 ? new Promise(() => {}) : undefined
      })
      await using run = running(consumer)
      await until('the others are handled', () => consumer.state().work.done === 6)
      assert.deepEqual(await consumer.close({ drainMs: 50 }), { drained: false, undone: 1 })
      await run.ended
      assert.deepEqual(await committed(group, topic), [0, 3, 3])
    })
  })

  describe('patterns without a group', () => {
    test('names, lists, patterns and denials each find their handler', async () => {
      for (const topic of ['p-orders', 'p-audit.a', 'p-audit.b', 'p-rest']) {
        await cluster.createTopic(topic)
        await cluster.write(topic, [{ value: topic }])
      }
      const seen: string[] = []
      const into = (route: string) => (message: { topic: string }) => void seen.push(`${route} ${message.topic}`)
      const consumer = new Consumer(options())
        .topic(['p-orders'], into('name'))
        .topic(/^p-audit\./, into('pattern'))
        .topic({ deny: /^(?!p-)|^p-audit/ }, into('deny'))
      await using _ = running(consumer)
      await until('all are handled', () => seen.length === 4)
      assert.deepEqual(seen.sort(), ['deny p-rest', 'name p-orders', 'pattern p-audit.a', 'pattern p-audit.b'])

      const ambiguous = new Consumer(options()).topic(/^p-audit/, () => {}).topic(/a$/, () => {})
      await using run = running(ambiguous)
      await run.ended
      assert.match(run.error?.message ?? '', /p-audit\.a is matched by .*\^p-audit.* and .*a\$/)
    })
  })
}
