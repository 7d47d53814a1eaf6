import type { Contender, Scenario } from './scenarios.ts'

const performance: Contender = { name: 'Java, ProducerPerformance', program: 'ProducePerformance' }
const platformatic = '@platformatic/kafka'
const kafkajs = 'kafkajs'

export const produce: Scenario = {
  name: 'produce',
  title: 'Producing, many messages at a time',
  text:
    'Lists of 1,000 messages, 20 of them under way, `acks=1`; every client is told what became of each. Java, whose producer takes one message ' +
    'at a time and does not wait, has 20,000 under way in its loop, and as many as fit its buffer in ProducerPerformance, which makes up a new ' +
    'value for each message. `writable()` is given one message after another, and has 10,000 under way.',
  kind: 'speed',
  comparisons: [
    {
      name: 'lists of 1,000',
      topic: 'written',
      concurrency: 20,
      contenders: [
        { name: 'Millrace, sendBatch()', program: 'produce/millrace', handler: 'lists acks=1' },
        { name: 'Millrace, writable()', program: 'produce/millrace', handler: 'stream acks=1' },
        performance,
        { name: "Java's producer, a loop of send()", program: 'SendLoop', handler: 'lists' },
        { name: platformatic, program: 'produce/platformatic', handler: 'lists', messages: 400_000 },
        { name: kafkajs, program: 'produce/kafkajs', handler: 'lists', messages: 200_000 },
        { name: 'node-rdkafka', program: 'produce/rdkafka', handler: 'lists', messages: 200_000 },
      ],
      goals: [
        { against: performance.name, ratio: 2 },
        { against: platformatic, ratio: 3 },
        { against: kafkajs, ratio: 6 },
        { timerP99Ms: 10 },
      ],
    },
  ],
}

export const produceSingle: Scenario = {
  name: 'produce-single',
  title: 'Producing, one message at a time',
  text:
    'A thousand loops that send a message, wait until it is acknowledged (`acks=1`), and send the next one. Java and node-rdkafka have no ' +
    'promises: a thousand messages are under way in one loop.',
  kind: 'speed',
  comparisons: [
    {
      name: '1,000 under way',
      topic: 'written',
      concurrency: 1_000,
      contenders: [
        { name: 'Millrace, send()', program: 'produce/millrace', handler: 'single acks=1' },
        { name: "Java's producer, a loop of send()", program: 'SendLoop', handler: 'single' },
        { name: platformatic, program: 'produce/platformatic', handler: 'single', messages: 20_000 },
        { name: kafkajs, program: 'produce/kafkajs', handler: 'single', messages: 20_000 },
        { name: 'node-rdkafka', program: 'produce/rdkafka', handler: 'single', messages: 100_000 },
      ],
      goals: [{ against: platformatic, ratio: 10 }, { against: kafkajs, ratio: 10 }, { timerP99Ms: 10 }],
    },
  ],
}

export const produceIdempotent: Scenario = {
  name: 'produce-idempotent',
  title: 'Producing, each message once',
  text:
    'What it costs that each message is in the log once and in order, acknowledged by all replicas (the default), against `acks=1` without. On ' +
    'one node: the leader is all replicas that there are, and no network between them is measured.',
  kind: 'speed',
  comparisons: [
    {
      name: 'idempotent, single node',
      topic: 'written',
      concurrency: 20,
      contenders: [
        { name: 'Millrace, idempotent, acks=all', program: 'produce/millrace', handler: 'lists idempotent' },
        { name: 'Millrace, acks=1', program: 'produce/millrace', handler: 'lists acks=1' },
      ],
      goals: [{ against: 'Millrace, acks=1', ratio: 0.8 }],
    },
  ],
}

export const latency: Scenario = {
  name: 'latency',
  title: 'From send() to the handler',
  text:
    "Ten messages together every millisecond, 10,000 a second; a producer and a consumer in one process, each at its defaults. Java's producer " +
    'lingers for 5 ms by default; `linger.ms=0` is how Millrace sends.',
  kind: 'latency',
  comparisons: [
    {
      name: '10,000 messages a second',
      topic: 'written',
      concurrency: 1,
      contenders: [
        { name: 'Millrace', program: 'produce/latency' },
        { name: 'Java', program: 'Latency' },
        { name: 'Java, linger.ms=0', program: 'Latency', handler: 'linger.ms=0' },
      ],
      goals: [{ latencyP99Of: 'Java' }, { latencyP99Of: 'Java, linger.ms=0' }],
    },
  ],
}

export const produceMemory: Scenario = {
  name: 'produce-memory',
  title: 'Memory of a producer whose broker stands still',
  text:
    'Lists of 1,000 messages, 400 of them under way: more than the buffer of 64 MiB takes. The broker flows, is stopped for a minute (SIGSTOP), and ' +
    'flows again; in the end every message has to be written.',
  kind: 'stall',
  comparisons: [
    {
      name: 'a minute without a broker',
      topic: 'written',
      concurrency: 400,
      contenders: [{ name: 'Millrace', program: 'produce/stall' }],
      goals: [],
    },
  ],
}
