import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Batch,
  batch,
  Consumer,
  type ConsumerOptions,
  type HandlerContext,
  json,
  type Message,
  string,
  type TransactionContext,
} from '../../src/index.ts'

/** Fails to compile unless both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>) => {}

interface Order {
  id: number
}
const Order = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) => ({ value: value as Order }),
    types: undefined as unknown as { input: unknown; output: Order },
  },
} as const

test('a handler sees what the serdes of its route make', () => {
  new Consumer({ brokers: ['localhost:1'] })
    .topic('a', message => {
      same<typeof message, Message<Buffer | null, Buffer | null>>(true)
    })
    .topic('b', { value: json(Order) }, (order, { signal, attempt }) => {
      same<typeof order, Message<Buffer | null, Order>>(true)
      same<typeof signal, AbortSignal>(true)
      same<typeof attempt, number>(true)
    })
    .topic(
      'c',
      { key: string, value: json(Order) },
      batch({ messages: 5 }, orders => {
        same<typeof orders, Batch<string | null, Order>>(true)
        same<(typeof orders)[number], Message<string | null, Order>>(true)
      }),
    )
    .topic(
      'd',
      { value: string, work: { onFailure: ({ message }) => (message.value === 'x' ? 'skip' : 'stop') } },
      () => {},
    )
    .topic(
      'e',
      batch({ messages: 5 }, messages => {
        same<typeof messages, Batch>(true)
      }),
    )
  assert.ok(true)
})

test('handlers can send where the consumer surely has transactions', () => {
  const options = { brokers: ['localhost:1'], group: 'g' }
  const sending = new Consumer({ ...options, work: { transaction: { intervalMs: 50 } } })
    .topic('a', ({ value }, context) => {
      same<typeof context, TransactionContext>(true)
      context.send({ topic: 'b', value })
      // @ts-expect-error objects need a serde
      if (value === null) context.send({ topic: 'b', value: {} })
    })
    .topic(
      'b',
      batch({ messages: 5 }, (messages, { send }) => {
        send({ topic: 'c', value: { messages: messages.length } }, { value: json() })
      }),
    )
  new Consumer(options).topic('a', (_, context) => {
    same<typeof context, HandlerContext>(true)
  })
  const perhaps: ConsumerOptions = options
  new Consumer(perhaps).topic('a', (_, context) => {
    same<typeof context, HandlerContext>(true)
  })
  const any: Consumer = sending
  assert.ok(any)
})
