import { NativeClient } from '../client/native-client.ts'
import { KafkaOffsetStorage } from '../offsets/kafka-storage.ts'
import type { OffsetStorage } from '../offsets/storage.ts'
import type { EngineParts } from './parts.ts'

/** Null when nothing needs it: another client fetches, and no group of Kafka's is involved. */
export function nativeClient({ options, clock, random, logger, tell }: EngineParts): NativeClient | null {
  if (options.client instanceof NativeClient) return options.client
  if (options.client !== null && (options.group === null || options.offsets.storage !== null)) return null
  const { brokers, clientId, requestTimeoutMs, connectTimeoutMs, reconnect } = options
  return new NativeClient({
    brokers,
    clientId,
    requestTimeoutMs,
    connectTimeoutMs,
    reconnect,
    logger,
    clock,
    random,
    events: { reconnecting: event => tell('reconnecting', event) },
  })
}

/** Where offsets are kept; null without a group. */
export function offsetStorage(
  { options: { group, offsets }, clock, random, logger }: EngineParts,
  client: NativeClient | null,
): OffsetStorage | null {
  if (group === null || client === null) return offsets.storage
  return offsets.storage ?? new KafkaOffsetStorage({ client, group, clock, random, logger })
}
