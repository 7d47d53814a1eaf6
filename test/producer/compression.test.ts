import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import { withoutPackage } from '../without-package.ts'
import { readBatches, readTopic } from './read-topic.ts'

const brokers = ['localhost:9']
const refused = (options: object) => () =>
  new Producer({ brokers, ...(options as Partial<ProducerOptions<never, never>>) })

// The first test of the file: packages that were loaded stay.
test('a package that a compression needs is missed when the producer is made, not when it first sends', () => {
  for (const [compression, name] of [
    ['snappy', 'snappy'],
    ['lz4', 'lz4-napi'],
  ]) {
    using _ = withoutPackage(name as string)
    assert.throws(refused({ compression }), {
      code: 'UNSUPPORTED_COMPRESSION',
      message: new RegExp(
        `^Records cannot be written: ${compression} needs the package "${name}", .*npm install ${name}`,
      ),
    })
  }
})

test('a level that the codec does not have is named, with those that it has', async () => {
  for (const [compression, level, says] of [
    ['gzip', 0, /^compressionLevel must be a whole number from 1 to 9, not 0$/],
    ['gzip', 10, /from 1 to 9, not 10/],
    ['gzip', -2, /from 1 to 9, not -2/],
    ['gzip', 1.5, /from 1 to 9, not 1.5/],
    ['zstd', 23, /from -131072 to 22, not 23/],
    ['zstd', -131_073, /from -131072 to 22/],
    ['zstd', '3', /from -131072 to 22, not '3'/],
    ['lz4', 9, /^compressionLevel must be left out with compression: 'lz4', which has none, not 9$/],
    ['snappy', 1, /left out with compression: 'snappy'/],
    ['none', 1, /left out with compression: 'none'/],
    ['brotli', 1, /^compression must be 'none' or 'gzip'/],
  ] as const) {
    assert.throws(refused({ compression, compressionLevel: level }), { code: 'INVALID_OPTION', message: says })
  }
  for (const [compression, level] of [
    ['gzip', -1],
    ['gzip', 9],
    ['zstd', -131_072],
    ['zstd', 22],
  ] as const) {
    await new Producer({ brokers, compression, compressionLevel: level }).close()
  }
})

test('what is sent compressed is compressed in the log, as hard as was said, and comes back', async () => {
  const ways = [['none'], ['gzip'], ['gzip', 1], ['snappy'], ['lz4'], ['zstd'], ['zstd', -10], ['zstd', 19]] as const
  await using broker = await Broker.start({ topics: Object.fromEntries(ways.map(way => [way.join('-'), 1])) })
  const value = Array.from({ length: 2_000 }, (_, index) => `{"id":${index * 7919}},`).join('')
  const sizes = new Map<string, number>()
  for (const [compression, compressionLevel] of ways) {
    const topic = compressionLevel === undefined ? compression : `${compression}-${compressionLevel}`
    const level = compressionLevel === undefined ? {} : { compressionLevel }
    await using producer = new Producer({ brokers: broker.brokers, compression, ...level })
    await producer.send({ topic, key: 'k', value, headers: { by: 'hand' } })
    const [message] = await readTopic(broker.brokers, topic)
    assert.deepEqual([message?.key?.toString(), message?.value?.toString()], ['k', value])
    assert.equal(message?.headers.get('by')?.toString(), 'hand')
    const [batch] = (await readBatches(broker.brokers, topic)).get(0) ?? []
    assert.equal(batch?.compression, compression)
    sizes.set(topic, batch?.buffer.length ?? 0)
  }
  const order = ['none', 'zstd--10', 'zstd', 'zstd-19']
  assert.deepEqual(
    order.toSorted((one, other) => (sizes.get(other) ?? 0) - (sizes.get(one) ?? 0)),
    order,
  )
  assert.ok((sizes.get('gzip') ?? 0) < (sizes.get('gzip-1') ?? 0))
})
