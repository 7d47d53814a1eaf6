import { clientKeys } from '../../properties/client-keys.ts'
import type { Draft } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import { always, boolean, ignored, type Key, type Keys, ms, part, sets, text, whole } from '../../properties/key.ts'
import { levelsOf } from '../../records/compression.ts'
import { COMPRESSIONS, type Compression } from '../../records/record-batch.ts'
import { int32, string } from '../../serde/primitives.ts'
import type { Serializer } from '../../serde/serde.ts'
import type { PartitionerName } from '../partitioners/partitioner.ts'

const MOST_IN_FLIGHT = 5
const endless = 2 ** 31 - 1
const within = 'waiting for a topic, or for room, is part of the delivery timeout'

const javaPackage = /^org\.apache\.kafka\.(clients\.producer(\.internals)?|common\.serialization)\./

/** Java's, those that it had included, and ours. */
const partitioners: Readonly<Record<string, PartitionerName>> = {
  RoundRobinPartitioner: 'round-robin',
  DefaultPartitioner: 'murmur2',
  UniformStickyPartitioner: 'sticky',
  murmur2: 'murmur2',
  fnv1a: 'fnv1a',
  crc32: 'crc32',
  fixed: 'fixed',
  'round-robin': 'round-robin',
  random: 'random',
  sticky: 'sticky',
}

/** Null: bytes, or strings as UTF-8, which needs no serde. */
const serializers: Readonly<Record<string, Serializer<never> | null>> = {
  StringSerializer: string,
  IntegerSerializer: int32,
  ByteArraySerializer: null,
  ByteBufferSerializer: null,
  BytesSerializer: null,
  VoidSerializer: null,
}

export const acks = (entry: Entry): 'all' | 1 | 0 => entry.oneOf({ all: 'all', '-1': 'all', '1': 1, '0': 0 } as const)

function serializer(option: 'key' | 'value'): Key {
  return {
    option,
    byDefault: null,
    read: (entry, draft) => {
      const name = entry.text().replace(javaPackage, '')
      if (Object.hasOwn(serializers, name)) draft.set(option, serializers[name] ?? undefined, entry)
      else draft.ignore(entry, `it is a class of Java's. A serde of your own is given as the option ${option}`)
    },
  }
}

const inFlight: Key = {
  option: 'maxInFlight',
  byDefault: null,
  read: (entry, draft) => {
    if (entry.whole() > MOST_IN_FLIGHT) {
      draft.note('changed', entry, `is ${MOST_IN_FLIGHT} here, which is the most with which messages stay in order`)
    }
    draft.set('maxInFlight', Math.min(entry.whole(), MOST_IN_FLIGHT), entry)
  },
}

/** Every key of Kafka 4.1's producer. */
export const kafkaKeys: Keys = {
  ...clientKeys,
  'key.serializer': serializer('key'),
  'value.serializer': serializer('value'),
  acks: sets('acks', acks),
  'enable.idempotence': sets('idempotent', boolean),
  'linger.ms': sets('lingerMs', ms),
  // 0 is for batches of one message.
  'batch.size': sets('batchBytes', entry => entry.whole() || 1),
  'max.request.size': sets('maxRequestBytes', whole),
  'buffer.memory': sets('bufferBytes', whole),
  'max.block.ms': ignored(ms, within),
  'max.in.flight.requests.per.connection': inFlight,
  'delivery.timeout.ms': sets('deliveryTimeoutMs', ms),
  retries: always(
    endless,
    whole,
    'what is safe to send again is sent again until the delivery timeout, and nothing else is',
  ),
  'retry.backoff.ms': part('retryBackoff.minMs', ms),
  'retry.backoff.max.ms': part('retryBackoff.maxMs', ms),
  'metadata.max.age.ms': sets('metadataMaxAgeMs', ms),
  'metadata.max.idle.ms': ignored(ms, 'a topic that was written to stays known'),
  'compression.type': sets('compression', entry =>
    entry.oneOf(Object.fromEntries(COMPRESSIONS.map(name => [name, name]))),
  ),
  'compression.gzip.level': part('compressionLevel', whole),
  'compression.lz4.level': part('compressionLevel', whole),
  'compression.zstd.level': part('compressionLevel', whole),
  'partitioner.class': part('partitioner', text),
  'partitioner.ignore.keys': part('partitioner', boolean),
  'partitioner.adaptive.partitioning.enable': always(
    true,
    boolean,
    'partitions that wait for a slow leader are always chosen less often',
  ),
  'partitioner.availability.timeout.ms': always(
    0,
    ms,
    'partitions that wait are chosen less often, and none is left out',
  ),
  'transactional.id': sets('transactionalId', text),
  'transaction.timeout.ms': sets('transactionTimeoutMs', ms),
  'transaction.two.phase.commit.enable': always(false, boolean, 'two-phase commit is not spoken'),
  'internal.auto.downgrade.txn.commit': ignored(boolean, 'it is about Java'),
}

/** As in Java, the first wait is not longer than the longest. */
export function finishBackoff(draft: Draft): void {
  const first = draft.parts.get('retry.backoff.ms')
  const longest = draft.parts.get('retry.backoff.max.ms')
  // Without any wait it would ask in a hot loop.
  if (longest !== undefined) draft.set('retryBackoff.maxMs', longest.ms() || 1, longest)
  if (first === undefined) return
  const most = longest?.ms() ?? first.ms()
  if (first.ms() > most) draft.note('changed', first, 'is longer than retry.backoff.max.ms, which is taken')
  draft.set('retryBackoff.minMs', Math.min(first.ms(), most) || 1, first)
}

/** The level of the codec that is taken. */
export function finishCompression(draft: Draft): void {
  const codec = draft.options.compression as Compression | undefined
  for (const name of ['gzip', 'lz4', 'zstd'] as const) {
    const entry = draft.parts.get(`compression.${name}.level`)
    if (entry === undefined) continue
    if (name !== codec) draft.ignore(entry, `compression.type is not ${name}`)
    else if (levelsOf(name) === null) draft.ignore(entry, `there is one level of ${name}`)
    else draft.set('compressionLevel', entry.whole(), entry)
  }
}

/** `given`: as an option already. */
export function finishPartitioner(draft: Draft, given: boolean): void {
  if (given) return
  const named = draft.parts.get('partitioner.class')
  const ignoreKeys = draft.parts.get('partitioner.ignore.keys')
  if (named === undefined) {
    if (ignoreKeys?.boolean()) draft.set('partitioner', 'sticky', ignoreKeys)
    return
  }
  const name = named.value.replace(javaPackage, '')
  if (!Object.hasOwn(partitioners, name)) {
    throw named.wrong(
      `is '${named.value}', which is not known here: ${Object.keys(partitioners).join(', ')}. A partitioner of your own is given as the ` +
        'option partitioner',
    )
  }
  draft.set('partitioner', partitioners[name], named)
  if (ignoreKeys?.boolean()) draft.ignore(ignoreKeys, 'partitioner.class decides')
}
