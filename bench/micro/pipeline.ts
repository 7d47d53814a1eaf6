/**
 * What a message costs from the fetched batch to its settlement, without sockets: a client in memory serves the same batches again
 * and again, at rising offsets. Run it with `node bench/micro/pipeline.ts [NAME…]`; it prints the best of several rounds in
 * nanoseconds of this process's CPU for each message, and is no test.
 */
import { type BatchHandler, batch, Consumer, deadLetter, type Handler, type Message } from '../../src/index.ts'
import { DEAD_LETTERS, EndlessClient, TOPIC } from './endless-client.ts'

const ROUNDS = 5
const MESSAGES = 2_000_000
const FAILING = 200_000
const VALUE_BYTES = 100

type Touch = (message: Message) => void

interface Case {
  readonly keyed: boolean
  readonly concurrency: number
  /** Every message fails, and counts when it is written to the dead-letter topic and done. */
  readonly fails?: boolean
  readonly handler: (touch: Touch) => Handler | BatchHandler
}

const shared = new Error('no such customer')
const cases: Record<string, Case> = {
  batches: {
    keyed: false,
    concurrency: 16,
    handler: touch => batch({ messages: 500, lingerMs: 20 }, messages => messages.forEach(touch)),
  },
  'keyed batches': {
    keyed: true,
    concurrency: 16,
    handler: touch => batch({ messages: 500, lingerMs: 20 }, messages => messages.forEach(touch)),
  },
  'sync 16': { keyed: true, concurrency: 16, handler: touch => touch },
  'sync 1000': { keyed: true, concurrency: 1_000, handler: touch => touch },
  'sync, no key': { keyed: false, concurrency: 16, handler: touch => touch },
  'async 16': { keyed: true, concurrency: 16, handler: touch => async message => touch(message) },
  'async 1000': { keyed: true, concurrency: 1_000, handler: touch => async message => touch(message) },
  'dead letters': {
    keyed: true,
    concurrency: 1_000,
    fails: true,
    handler: () => () => {
      throw new Error('no such customer')
    },
  },
  'same error': {
    keyed: true,
    concurrency: 1_000,
    fails: true,
    handler: () => () => {
      throw shared
    },
  },
}

/** CPU nanoseconds for each message. */
async function round({ keyed, concurrency, handler, fails = false }: Case, messages: number): Promise<number> {
  let seen = 0
  let bytes = 0
  const done = Promise.withResolvers<void>()
  const count = (value: Buffer | null) => {
    bytes += value?.length ?? 0
    if (++seen === messages) done.resolve()
  }
  const touch = (message: Message) => count(message.value)
  const consumer = new Consumer({
    brokers: ['127.0.0.1:1'],
    client: new EndlessClient(keyed, VALUE_BYTES),
    logLevel: 'error',
    work: { concurrency, ...(fails && { attempts: 1, onFailure: deadLetter(DEAD_LETTERS) }) },
  }).topic(TOPIC, handler(touch))
  if (fails) consumer.on('failed', ({ message: { rawValue } }) => count(rawValue))
  const ended = consumer.run()
  const before = process.cpuUsage()
  await Promise.race([done.promise, ended])
  const { user, system } = process.cpuUsage(before)
  const counted = seen
  await consumer.close({ drainMs: 0 })
  await ended
  if (bytes < counted * VALUE_BYTES) throw new Error('Values were missing')
  return ((user + system) * 1_000) / counted
}

const wanted = process.argv.slice(2)
for (const [name, each] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const messages = each.fails ? FAILING : MESSAGES
  await round(each, messages / 4)
  const results: number[] = []
  for (let index = 0; index < ROUNDS; index++) results.push(await round(each, messages))
  results.sort((a, b) => a - b)
  const [best = 0] = results
  const median = results[Math.floor(ROUNDS / 2)] ?? 0
  console.log(`${name.padEnd(16)} ${best.toFixed(0).padStart(5)} ns  (median ${median.toFixed(0)})`)
}
