const producer = "it is a key of Kafka's producer"
const pem = (key: string) => `it is librdkafka's: say ${key}, with its type PEM`

/** Keys of others that are met in files for consumers, and what to do about them. */
export const foreignKeys: Readonly<Record<string, string>> = {
  acks: producer,
  'batch.size': producer,
  'buffer.memory': producer,
  'compression.type': producer,
  'delivery.timeout.ms': producer,
  'enable.idempotence': producer,
  'key.serializer': producer,
  'linger.ms': producer,
  'max.block.ms': producer,
  'max.in.flight.requests.per.connection': producer,
  'max.request.size': producer,
  'partitioner.class': producer,
  retries: producer,
  'transaction.timeout.ms': producer,
  'transactional.id': producer,
  'value.serializer': producer,
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
