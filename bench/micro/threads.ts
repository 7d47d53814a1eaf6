/**
 * What threads bring and what they cost: a handler that keeps a core busy for some 2 ms, here and in two threads; and one that does nothing,
 * by the size of its messages. A client in memory serves them. Run it with `node bench/micro/threads.ts`; it prints medians of several
 * rounds, in turn, with the lowest and the highest, and is no test.
 */
import { Consumer, type Handler, type ThreadedHandler, threads } from '../../src/index.ts'
import { EndlessClient, TOPIC } from './endless-client.ts'
import hash from './handlers/hash.ts'

const ROUNDS = 7
const inThreads = (name: string) => threads(new URL(`./handlers/${name}.ts`, import.meta.url))

/** Messages that are handled in a second. */
async function perSecond(
  handler: Handler | ThreadedHandler,
  valueBytes: number,
  count: number,
  size = 2,
): Promise<number> {
  const work = typeof handler === 'function' ? {} : { threads: size }
  const client = new EndlessClient(true, valueBytes)
  const consumer = new Consumer({ brokers: ['127.0.0.1:1'], client, logLevel: 'error', work }).topic(TOPIC, handler)
  const ended = consumer.run()
  const done = async (least: number) => {
    while (consumer.state().work.done < least) await new Promise(resolve => setTimeout(resolve, 5))
    return { done: consumer.state().work.done, at: performance.now() }
  }
  // Threads have loaded their modules by then.
  const before = await done(count / 4)
  const after = await done(before.done + count)
  await consumer.close({ drainMs: 0 })
  await ended
  return ((after.done - before.done) * 1_000) / (after.at - before.at)
}

function median(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => (sorted[index] ?? 0).toPrecision(3)
  return `${at(ROUNDS >> 1)} (${at(0)}–${at(ROUNDS - 1)})`
}

const here: number[] = []
const there: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  here.push(await perSecond(hash, 100, 200))
  there.push(await perSecond(inThreads('hash'), 100, 200))
}
console.log(`2 ms of work, messages/s: here ${median(here)}, in 2 threads ${median(there)}`)
console.log(`times as many: ${median(here.map((rate, round) => (there[round] ?? 0) / rate))}`)
for (const bytes of [100, 10_000, 1_000_000]) {
  const spent: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    spent.push(1e6 / (await perSecond(inThreads('nothing'), bytes, bytes > 100_000 ? 400 : 4_000, 1)))
  }
  console.log(`${bytes} bytes there and back, µs: ${median(spent)}`)
}
