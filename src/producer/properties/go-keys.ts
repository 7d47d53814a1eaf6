import type { Draft } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import { duration, ignored, type Key, type Keys, part, sets, text, whole } from '../../properties/key.ts'
import { acks } from './kafka-keys.ts'

const retryBackoff: Key = {
  option: 'retryBackoff.minMs, retryBackoff.maxMs',
  byDefault: '250ms',
  read: (entry, draft) => {
    const ms = Math.max(1, entry.duration())
    draft.set('retryBackoff.minMs', ms, entry)
    draft.set('retryBackoff.maxMs', ms, entry)
  },
}

/** The keys of Go Kafka Client's producer, with its defaults. Keys of Kafka's that it does not have are taken too. */
export const goKeys: Keys = {
  'client.id': sets('clientId', text, 'mirrormaker'),
  'metadata.broker.list': sets('brokers', entry => (entry.list().length > 0 ? entry.list() : entry.text())),
  'send.buffer.size': ignored(whole, 'it is the capacity of channel(); what waits is bounded by bufferBytes', '1'),
  'compression.codec': sets(
    'compression',
    entry => entry.oneOf({ none: 'none', gzip: 'gzip', snappy: 'snappy' }),
    'none',
  ),
  // 0: not a reason to send.
  'flush.byte.count': sets('batchBytes', entry => entry.whole() || undefined, '65535'),
  'flush.timeout': sets('lingerMs', duration, '5s'),
  'batch.size': part('batchMessages', whole, '10'),
  'max.messages.per.request': part('batchMessages', whole, '100'),
  'max.message.bytes': sets('maxRequestBytes', whole, '1000000'),
  acks: sets('acks', acks, '1'),
  'retry.backoff': retryBackoff,
  timeout: sets('requestTimeoutMs', duration, '10s'),
}

/** What only several keys together say. */
export function finishGo(draft: Draft): void {
  const limits = ['batch.size', 'max.messages.per.request'].map(key => draft.parts.get(key) as Entry)
  const [least] = limits.filter(entry => entry.whole() !== 0).sort((a, b) => a.whole() - b.whole())
  if (least !== undefined) draft.set('batchMessages', least.whole(), least)
  // No key says so; it was code.
  draft.options.partitioner ??= 'random'
}
