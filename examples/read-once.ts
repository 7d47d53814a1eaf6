/**
 * Reads a topic from its beginning to its end and stops. Without a group nothing is committed, so it can be run again and again,
 * beside any consumer, and disturbs nobody.
 *
 *     npm run example -- read-once    here, with a broker of its own
 *     BROKERS=localhost:9092 TOPIC=orders node read-once.ts
 */
import { Consumer, string } from 'millrace'

const topic = process.env.TOPIC ?? 'orders'
const counts = new Map<string | null, number>()

const reader = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  ownership: { missingTopics: 'fail' },
  offsets: { start: 'earliest' },
}).topic(topic, { key: string }, ({ key }) => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
})

// Lag is null until the broker has told where the partition ends, and 0 once everything before that is handled.
const watch = setInterval(() => {
  const { partitions } = reader.state()
  if (partitions.length > 0 && partitions.every(({ lag }) => lag === 0)) void reader.close()
}, 100)
try {
  await reader.run({ handleSignals: true })
} finally {
  clearInterval(watch)
}

const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10)
for (const [key, count] of most) console.log(`${count}\t${key ?? '(no key)'}`)
