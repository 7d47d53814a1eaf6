import assert from 'node:assert/strict'
import { type Delivery, DeliveryError } from '../../src/producer/delivery.ts'

/** Messages of all stories, by what was told of them. */
export interface ScheduleReport {
  sent: number
  delivered: number
  refused: number
  unsure: number
}

/** Who wrote, and how. */
export interface Writer {
  readonly name: string
  readonly acks: 'all' | 1 | 0
  readonly idempotent: boolean
  readonly maxInFlight: number
  readonly patient: boolean
  /** Number of its next message. */
  next: number
}

export interface Sent {
  readonly writer: Writer
  /** In the order of sending. */
  readonly number: number
  readonly value: string
  /** Sent when nothing was in the way any more. */
  readonly last: boolean
  readonly told: Delivery | Error
}

/**
 * Holds what was told of messages against the logs: what was delivered is there once and at its offset, what was told not to be is not, and
 * what is in doubt is there at most once. Each writer's messages are in order: all of an idempotent one, what was acknowledged of another one
 * that has one request under way.
 */
export function judge(
  writers: readonly Writer[],
  sent: readonly Sent[],
  logs: readonly (readonly string[])[],
): ScheduleReport {
  const times = new Map<string, number>()
  for (const value of logs.flat()) times.set(value, (times.get(value) ?? 0) + 1)
  const report = { sent: sent.length, delivered: 0, refused: 0, unsure: 0 }
  for (const message of sent) report[hold(message, times.get(message.value) ?? 0, logs)]++
  for (const { name, acks, idempotent, maxInFlight } of writers) {
    // Where nobody answers, what one connection still holds may come behind what the next one brings.
    if (acks === 0 || (!idempotent && maxInFlight > 1)) continue
    const delivered = new Set(sent.filter(({ told }) => !(told instanceof Error)).map(({ value }) => value))
    for (const [partition, log] of logs.entries()) {
      const own = log.filter(value => value.startsWith(`${name}:`) && (idempotent || delivered.has(value)))
      const numbers = own.map(value => Number(value.slice(name.length + 1)))
      const sorted = numbers.toSorted((a, b) => a - b)
      assert.deepEqual(numbers, sorted, `what ${name} wrote to partition ${partition} is out of order`)
    }
  }
  return report
}

function hold(
  { writer, value, last, told }: Sent,
  times: number,
  logs: readonly (readonly string[])[],
): 'delivered' | 'refused' | 'unsure' {
  if (!(told instanceof Error)) {
    // Nobody says that it arrived.
    if (writer.acks === 0) assert.ok(times <= 1, `${value} is ${times} times in the log`)
    else assert.equal(times, 1, `${value} was delivered and is ${times} times in the log`)
    if (told.offset >= 0) assert.equal(logs[told.partition]?.[told.offset], value, `${value} is not at its offset`)
    return 'delivered'
  }
  assert.ok(told instanceof DeliveryError, `${value} failed with ${told}`)
  assert.ok(!last, `nothing was in the way of ${value} any more, and it failed: ${told}`)
  if (told.written === 'no') {
    assert.equal(times, 0, `${value} is in the log, and was told not to be: ${told}`)
    return 'refused'
  }
  assert.ok(times <= 1, `${value} is ${times} times in the log`)
  return 'unsure'
}
