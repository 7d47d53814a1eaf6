const pem = (key: string) => `it is librdkafka's: say ${key}, with its type PEM`

/** Keys of none of Kafka's consumers and producers that are met in their files. */
const ofOthers: Readonly<Record<string, string>> = {
  'bootstrap.controllers': "it is a key of Kafka's admin client",
  'config.providers': 'values are taken as they are',
  'metadata.broker.list': "it is librdkafka's: say bootstrap.servers",
  'sasl.mechanisms': "it is librdkafka's: say sasl.mechanism",
  'sasl.password': "it is librdkafka's: say sasl.jaas.config",
  'sasl.username': "it is librdkafka's: say sasl.jaas.config",
  'ssl.ca.location': pem('ssl.truststore.location'),
  'ssl.certificate.location': pem('ssl.keystore.location'),
  'ssl.key.location': pem('ssl.keystore.location'),
}

const ofProducers = [
  'acks',
  'batch.size',
  'buffer.memory',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'delivery.timeout.ms',
  'enable.idempotence',
  'key.serializer',
  'linger.ms',
  'max.block.ms',
  'max.in.flight.requests.per.connection',
  'max.request.size',
  'metadata.max.idle.ms',
  'partitioner.adaptive.partitioning.enable',
  'partitioner.availability.timeout.ms',
  'partitioner.class',
  'partitioner.ignore.keys',
  'retries',
  'transaction.timeout.ms',
  'transaction.two.phase.commit.enable',
  'transactional.id',
  'value.serializer',
]

const ofConsumers = [
  'allow.auto.create.topics',
  'auto.commit.interval.ms',
  'auto.offset.reset',
  'check.crcs',
  'client.rack',
  'default.api.timeout.ms',
  'enable.auto.commit',
  'exclude.internal.topics',
  'fetch.max.bytes',
  'fetch.max.wait.ms',
  'fetch.min.bytes',
  'group.id',
  'group.instance.id',
  'group.protocol',
  'group.remote.assignor',
  'heartbeat.interval.ms',
  'internal.leave.group.on.close',
  'internal.throw.on.fetch.stable.offset.unsupported',
  'isolation.level',
  'key.deserializer',
  'max.partition.fetch.bytes',
  'max.poll.interval.ms',
  'max.poll.records',
  'partition.assignment.strategy',
  'session.timeout.ms',
  'share.acknowledgement.mode',
  'value.deserializer',
]

/** Keys that are met in files for consumers, and what to do about them. */
export const foreignToConsumers = { ...ofOthers, ...all(ofProducers, "it is a key of Kafka's producer") }

/** The same for producers. */
export const foreignToProducers = {
  ...ofOthers,
  ...all(ofConsumers, "it is a key of Kafka's consumer"),
  partitioner: "it is librdkafka's: say partitioner.class",
  'queue.buffering.max.kbytes': "it is librdkafka's: say buffer.memory, in bytes",
  'queue.buffering.max.ms': "it is librdkafka's: say linger.ms",
  'request.required.acks': "it is librdkafka's: say acks",
}

function all(keys: readonly string[], hint: string): Readonly<Record<string, string>> {
  return Object.fromEntries(keys.map(key => [key, hint]))
}
