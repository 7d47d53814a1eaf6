import { atMostOnce, stuck } from './offset-scenarios.ts'
import { latency, produce, produceIdempotent, produceMemory, produceSingle } from './producer-scenarios.ts'

/** `written`: what contenders write to, each to one of its own. */
export type Topic = 'bench' | 'keyed' | 'written'

/** A program of `children/` (Node) or `java/` that goes through a topic and measures itself. */
export type Program =
  | 'millrace'
  | 'memory'
  | 'traffic'
  | 'dead-letters'
  | 'stuck'
  | 'timers'
  | 'kafkajs'
  | 'platformatic'
  | 'rdkafka'
  | 'produce/millrace'
  | 'produce/kafkajs'
  | 'produce/platformatic'
  | 'produce/rdkafka'
  | 'produce/latency'
  | 'produce/stall'
  | 'PollLoop'
  | 'Performance'
  | 'Parallel'
  | 'SendLoop'
  | 'ProducePerformance'
  | 'Latency'

export interface Contender {
  readonly name: string
  readonly program: Program
  /** What its handler does; see the program. Default none. */
  readonly handler?: string
  /** Messages of one pass, for programs that would take minutes for the whole topic. Default all. */
  readonly messages?: number
  /** Which broker it talks to; `tls`: the real one's listener with TLS and SASL. Default the real one's plain listener. */
  readonly broker?: 'kafka' | 'tls' | 'embedded'
}

export type Goal =
  | { readonly against: string; readonly ratio: number }
  | { readonly messagesPerSecond: number }
  | { readonly timerP99Ms: number }
  | { readonly latencyP99Of: string }

/** One table: the first contender is compared with each of the others, round by round. */
export interface Comparison {
  readonly name: string
  readonly topic: Topic
  readonly concurrency: number
  readonly contenders: readonly Contender[]
  readonly goals: readonly Goal[]
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly text: string
  /**
   * `memory` and `stall`: each contender runs once, for minutes, and is measured by what it holds; the latter while the broker stands still.
   * `latency`: messages come at a rate, and are measured by how long they take.
   */
  readonly kind: 'speed' | 'latency' | 'memory' | 'stall'
  readonly comparisons: readonly Comparison[]
}

const pollLoop: Contender = { name: "Java's poll loop", program: 'PollLoop' }

const batches: Scenario = {
  name: 'batches',
  title: 'Batches, every value touched',
  text:
    'Many messages are handed over at once, and the handler touches each value. Millrace: `batch()` of 500 at concurrency 16. ' +
    '"Below the managers" is fetch, checksum and decode alone: what is missing to it is what work and offsets cost.',
  kind: 'speed',
  comparisons: [
    {
      name: 'all values of `bench`',
      topic: 'bench',
      concurrency: 16,
      contenders: [
        { name: 'Millrace, batch()', program: 'millrace', handler: 'batch' },
        { name: 'Millrace, below the managers', program: 'millrace', handler: 'records' },
        pollLoop,
        { name: 'Java, ConsumerPerformance', program: 'Performance' },
        { name: '@platformatic/kafka, stream', program: 'platformatic' },
        { name: 'kafkajs, eachBatch', program: 'kafkajs' },
        { name: 'node-rdkafka, consume(1000)', program: 'rdkafka', messages: 1_000_000 },
      ],
      goals: [
        { against: pollLoop.name, ratio: 1.5 },
        { against: '@platformatic/kafka, stream', ratio: 3.5 },
        { against: 'kafkajs, eachBatch', ratio: 4 },
      ],
    },
  ],
}

const sync: Scenario = {
  name: 'sync',
  title: 'One message at a time, synchronous handler',
  text:
    'One call for each message, in the order of its key, with progress, timeouts and commits on, against a bare loop over ' +
    '`poll()` that has none of it but commits.',
  kind: 'speed',
  comparisons: (['keyed', 'bench'] as const).flatMap(topic =>
    [16, 1_000].map(concurrency => ({
      name: `\`${topic}\`, concurrency ${concurrency.toLocaleString('en')}`,
      topic,
      concurrency,
      contenders: [{ name: 'Millrace, sync handler', program: 'millrace', handler: 'sync' }, pollLoop],
      goals: [{ against: pollLoop.name, ratio: 1 }],
    })),
  ),
}

const async: Scenario = {
  name: 'async',
  title: 'One message at a time, asynchronous handler',
  text:
    'The same with an `async` function that does nothing, against a library that does the same work: key order, many at once, ' +
    "only what is done is committed. The parallel consumer's own default concurrency is 16.",
  kind: 'speed',
  comparisons: [16, 1_000].map(concurrency => {
    const parallel: Contender = {
      name: 'parallel-consumer, KEY',
      program: 'Parallel',
      handler: 'no-op',
      messages: 200_000,
    }
    return {
      name: `\`keyed\`, concurrency ${concurrency.toLocaleString('en')}`,
      topic: 'keyed',
      concurrency,
      contenders: [{ name: 'Millrace, async handler', program: 'millrace', handler: 'async' }, parallel],
      goals: [{ against: parallel.name, ratio: 25 }, { messagesPerSecond: 1_000_000 }, { timerP99Ms: 10 }],
    }
  }),
}

const timers: Scenario = {
  name: 'timers',
  title: 'Handlers that wait 5 ms',
  text:
    'What most handlers do: wait for something. A thousand at once; the bare loop is a thousand chains of 5 ms timers in one ' +
    'process with no Kafka at all, the most that the event loop gives. (In theory 200,000 a second.)',
  kind: 'speed',
  comparisons: [
    {
      name: '`keyed`, concurrency 1,000, 5 ms',
      topic: 'keyed',
      concurrency: 1_000,
      contenders: [
        { name: 'Millrace, 5 ms handler', program: 'millrace', handler: 'timer', messages: 500_000 },
        { name: 'bare loop of timers', program: 'timers', messages: 500_000 },
        { name: 'parallel-consumer, KEY, 5 ms', program: 'Parallel', handler: 'sleep', messages: 100_000 },
      ],
      goals: [{ against: 'bare loop of timers', ratio: 0.8 }],
    },
  ],
}

const deadLetters: Scenario = {
  name: 'dead-letters',
  title: 'Dead letters',
  text:
    'Every message fails at once, with `attempts: 1`, and goes to a dead-letter topic: written by an idempotent producer, acknowledged by all ' +
    'replicas, and only then done. The handler throws one and the same error, so that what is measured is dead-lettering. Where it makes a ' +
    'new `Error` for each message, as handlers do, what V8 takes to capture the stack trace comes on top.',
  kind: 'speed',
  comparisons: [
    {
      name: '200,000 messages, concurrency 1,000',
      topic: 'keyed',
      concurrency: 1_000,
      contenders: [
        { name: 'Millrace, deadLetter()', program: 'dead-letters', handler: 'same', messages: 200_000 },
        { name: 'Millrace, a new Error each', program: 'dead-letters', messages: 200_000 },
        {
          name: 'Millrace, embedded broker',
          program: 'dead-letters',
          handler: 'same',
          messages: 200_000,
          broker: 'embedded',
        },
      ],
      goals: [{ messagesPerSecond: 100_000 }],
    },
  ],
}

const broker: Scenario = {
  name: 'broker',
  title: 'The embedded broker',
  text:
    "`millrace broker` in Kafka's place: the same client writes to both (one batch at a time for each of 8 partitions, acknowledged by all " +
    'replicas) and reads from both (below the managers). CPU and memory are those of the client.',
  kind: 'speed',
  comparisons: ['produce', 'fetch'].flatMap(what =>
    [150, 1_000].map(size => ({
      name: `${what}, batches of ${size.toLocaleString('en')}`,
      topic: 'keyed' as const,
      concurrency: 1,
      contenders: [
        {
          name: 'Millrace, embedded broker',
          program: 'traffic' as const,
          handler: `${what} ${size}`,
          broker: 'embedded' as const,
        },
        { name: 'Kafka', program: 'traffic' as const, handler: `${what} ${size}` },
      ],
      goals: [{ against: 'Kafka', ratio: 0.9 }],
    })),
  ),
}

const tls: Scenario = {
  name: 'tls',
  title: 'Over TLS',
  text:
    'The same as the first table, over a listener of the same Kafka with TLS 1.3 and SASL (SCRAM-SHA-512). The first row is Millrace over the ' +
    'plain one: what is missing to it is what TLS costs.',
  kind: 'speed',
  comparisons: [
    {
      name: 'all values of `bench`, TLS',
      topic: 'bench',
      concurrency: 16,
      contenders: [
        { name: 'Millrace, batch(), TLS', program: 'millrace', handler: 'batch', broker: 'tls' },
        { name: 'Millrace, batch(), plain', program: 'millrace', handler: 'batch' },
        { name: "Java's poll loop, TLS", program: 'PollLoop', broker: 'tls' },
        { name: '@platformatic/kafka, stream, TLS', program: 'platformatic', broker: 'tls' },
      ],
      goals: [],
    },
  ],
}

const memory: Scenario = {
  name: 'memory',
  title: 'Memory',
  text:
    'Resident memory while the backlog is far larger than what fits. `slow`: 16 handlers at once, 50 ms each. `stuck`: 64 handlers ' +
    'never settle (each is abandoned after its timeout), the others take 5 ms. Sampled every second.',
  kind: 'memory',
  comparisons: [
    {
      name: 'slow',
      topic: 'bench',
      concurrency: 16,
      contenders: [{ name: 'Millrace, slow handlers', program: 'memory', handler: 'slow' }],
      goals: [],
    },
    {
      name: 'stuck',
      topic: 'bench',
      concurrency: 128,
      contenders: [{ name: 'Millrace, 64 stuck handlers', program: 'memory', handler: 'stuck' }],
      goals: [],
    },
  ],
}

export const scenarios: readonly Scenario[] = [
  batches,
  sync,
  async,
  timers,
  deadLetters,
  stuck,
  atMostOnce,
  tls,
  produce,
  produceSingle,
  produceIdempotent,
  latency,
  produceMemory,
  broker,
  memory,
]
