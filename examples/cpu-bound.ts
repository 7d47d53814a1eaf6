/**
 * Work that keeps the processor busy, in threads: the event loop stays free for heartbeats, and several cores work. The handler is in
 * `handlers/compress.ts`. It needs the package piscina.
 *
 *     node cpu-bound.ts                                                    on a broker inside of this process, with a hundred documents
 *     BROKERS=localhost:9092 ARCHIVE=/var/lib/archive node cpu-bound.ts    on a cluster, until it is told to stop
 */
import { Consumer, Producer, threads } from 'millrace'
import { Broker } from 'millrace/broker'

const own = process.env.BROKERS ? null : await Broker.start({ topics: { documents: 4 } })
const brokers = own?.brokers ?? (process.env.BROKERS ?? '').split(',')
if (own !== null) {
  await using producer = new Producer({ brokers })
  const text = JSON.stringify(process.versions).repeat(50)
  await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      producer.send({ topic: 'documents', key: `document-${n}`, value: `${n}${text}` }),
    ),
  )
}

const archive = new Consumer({
  brokers,
  group: 'archive',
  // How many threads there are; by default one less than there are processors.
  work: { threads: 2, timeoutMs: 30_000 },
}).topic('documents', threads(new URL('./handlers/compress.ts', import.meta.url)))

if (own !== null) {
  archive.on('committed', () => {
    const { partitions, work } = archive.state()
    if (work.done < 100 || partitions.some(({ lag }) => lag !== 0)) return
    console.log(`${work.done} documents are compressed`)
    void archive.close()
  })
}

await archive.run({ handleSignals: true })
await own?.close()
