/**
 * Sends as many messages as it is told, waits for none of them, and says what became of all once that is known.
 *
 *     node send.ts '{ "brokers": […], … }' COUNT [close]
 */
import { DeliveryError, Producer, type ProducerOptions } from '../../../src/index.ts'
import type { Bytes } from '../../../src/records/batch-builder.ts'

const [, , options = '{}', count, close] = process.argv
const producer = new Producer(JSON.parse(options) as ProducerOptions<Bytes, Bytes>)
const sent = Array.from({ length: Number(count) }, (_, n) => producer.send({ topic: 'orders', value: String(n) }))
console.log('sent')
if (close === 'close') void producer.close()

const counts: Record<string, number> = {}
for (const result of await Promise.allSettled(sent)) {
  const error = result.status === 'rejected' ? result.reason : null
  const what = error instanceof DeliveryError ? `${error.code} ${error.written}` : result.status
  counts[what] = (counts[what] ?? 0) + 1
}
console.log(JSON.stringify(counts))
