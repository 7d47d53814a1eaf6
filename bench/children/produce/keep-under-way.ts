import type { Task } from '../../measurement.ts'
import type { Pass } from '../pass.ts'
import { VALUE } from './value.ts'

const LIST = 1_000

/** Sends a message that is given to it, or a list of them; resolves when they are acknowledged. */
export interface Ways {
  one(message: Sent): Promise<unknown>
  many(messages: Sent[]): Promise<unknown>
}

/** Made anew for each time it is sent, as by those who have something to send. */
export interface Sent {
  readonly topic: string
  readonly value: Buffer
}

/** Sends the messages of a pass: lists of 1,000 (`lists`) or each one alone (`single`), `concurrency` of them under way all the time. */
export async function keepUnderWay(task: Task, pass: Pass, ways: Ways): Promise<void> {
  const { topic, messages, concurrency, handler } = task
  let left = messages
  const message = (): Sent => ({ topic, value: VALUE })
  const single = async () => {
    while (left > 0) {
      left--
      await ways.one(message())
      pass.add(VALUE.length)
    }
  }
  const lists = async () => {
    while (left > 0) {
      const count = Math.min(LIST, left)
      left -= count
      await ways.many(Array.from({ length: count }, message))
      pass.add(count * VALUE.length, count)
    }
  }
  const loop = handler.startsWith('single') ? single : lists
  pass.begin()
  await Promise.all(Array.from({ length: concurrency }, loop))
}
