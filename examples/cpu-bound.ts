/**
 * Work that keeps the processor busy, in threads: the event loop stays free for heartbeats, and several cores work. The handler is in
 * `handlers/compress.ts`. It needs the package piscina.
 *
 *     npm run example -- cpu-bound    here, with a broker of its own
 *     BROKERS=localhost:9092 ARCHIVE=/var/lib/archive node cpu-bound.ts
 */
import { Consumer, threads } from 'millrace'

const archive = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'archive',
  // How many threads there are; by default one less than there are processors.
  work: { threads: 2, timeoutMs: 30_000 },
}).topic('documents', threads(new URL('./handlers/compress.ts', import.meta.url)))

await archive.run({ handleSignals: true })
console.log(`${archive.state().work.done} documents are compressed`)
