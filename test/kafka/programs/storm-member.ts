/**
 * A member of a group with all that work can be told to do: `node storm-member.ts BROKERS TOPICS GROUP STRATEGY LOG RELEASE [INSTANCE]`. Each
 * message says what becomes of it; `storm.ts` has the list. Those that fail for good are well once the file RELEASE exists. Each line of
 * the log is `done 0 NUMBER TIME`, or `begin` before that.
 */
import { existsSync, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  constant,
  deadLetter,
  type Message,
  Poison,
  retryTopic,
} from '../../../src/index.ts'
import { type Fate, fateOf, numberOf } from '../fate.ts'

const [brokers = '', topics = '', group = '', strategy = '', log = '', release = '', instanceId] = process.argv.slice(2)
const [retried = '', decided = '', batched = ''] = topics.split(',')
const file = openSync(log, 'a')
const tell = (kind: string, message: Message) => {
  writeSync(file, `${kind} 0 ${numberOf(message)} ${process.hrtime.bigint()}\n`)
}
type Strategies = NonNullable<NonNullable<ConsumerOptions['ownership']>['strategies']>

let coins = 0
const coin = () => ++coins % 2 === 0
const calm = () => existsSync(release)

function isBad(fate: Fate): boolean {
  if (fate === 'held' || fate === 'left') return !calm()
  return fate === 'poison' || (fate === 'unsure' && coin())
}

async function handle(message: Message, { signal }: { signal: AbortSignal }): Promise<void> {
  tell('begin', message)
  const fate = fateOf(message)
  // Handlers end in another order than they began, and some do not.
  await delay((message.offset * 7) % 40)
  if (fate === 'hangs' && coin()) await new Promise(() => {})
  signal.throwIfAborted()
  if (fate === 'poison') throw new Poison('nobody can')
  if (isBad(fate)) throw new Error('not now')
  tell('done', message)
}

const deadDecided = deadLetter(`${decided}.dlq`)
const deadBatched = deadLetter(`${batched}.dlq`)
const consumer = new Consumer({
  brokers: brokers.split(','),
  group,
  ownership: {
    strategies: [strategy] as Strategies,
    ...(instanceId !== undefined && { instanceId }),
    sessionTimeoutMs: 3_000,
    heartbeatIntervalMs: 300,
    rebalanceTimeoutMs: 10_000,
    drainMs: 2_000,
  },
  work: {
    concurrency: 50,
    timeoutMs: 2_000,
    abandonMs: 500,
    maxAbandoned: 1_000_000,
    attempts: 2,
    backoff: constant(50),
    redeliverMs: 200,
    filter: message => fateOf(message) !== 'filtered',
    expireAfterMs: 3_600_000,
    breaker: { failures: 60, windowMs: 1_000, pauseMs: 200 },
  },
  // So little that what is done above the held ones does not always fit.
  offsets: { commitIntervalMs: 100, metadataLimit: 200 },
})
  .topic(
    retried,
    {
      work: {
        onFailure: retryTopic([{ delayMs: 300 }, { delayMs: 1_000 }], deadLetter(`${retried}.dlq`, { create: true }), {
          create: true,
        }),
      },
    },
    handle,
  )
  .topic(
    decided,
    {
      work: {
        onFailure: ({ message }) => {
          const fate = fateOf(message)
          if (fate === 'held') return 'hold'
          return fate === 'left' ? 'leave' : deadDecided
        },
      },
    },
    handle,
  )
  .topic(
    batched,
    // Alone it is seen which one of a batch it was.
    { work: { onFailure: ({ message }) => (fateOf(message) === 'poison' ? deadBatched : 'hold') } },
    batch({ messages: 20, lingerMs: 20 }, async (messages, { signal }) => {
      for (const message of messages) tell('begin', message)
      await delay(10)
      signal.throwIfAborted()
      if (messages.some(message => isBad(fateOf(message)))) throw new Error('one of them is bad')
      for (const message of messages) tell('done', message)
    }),
  )
process.stdin
  .on('end', () => process.exit(1))
  .resume()
  .unref()
await consumer.run({ handleSignals: true })
