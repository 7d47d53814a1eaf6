import type { Task } from '../../measurement.ts'
import type { Pass } from '../pass.ts'
import { VALUE } from './value.ts'

const LIST = 1_000

/** Whose value is `VALUE`; made anew for each list, as those who have something to send do. */
export interface Sent {
  readonly topic: string
  readonly value: Buffer
}

/**
 * Sends the messages of a pass: lists of 1,000 (`lists`) or each one alone (`single`), `concurrency` of them under way all the time.
 * `send` resolves when they are acknowledged.
 */
export async function keepUnderWay(
  task: Task,
  pass: Pass,
  send: (messages: Sent[]) => Promise<unknown>,
): Promise<void> {
  const size = task.handler.startsWith('single') ? 1 : LIST
  let left = task.messages
  const one = async () => {
    while (left > 0) {
      const count = Math.min(size, left)
      left -= count
      await send(Array.from({ length: count }, () => ({ topic: task.topic, value: VALUE })))
      pass.add(count * VALUE.length, count)
    }
  }
  pass.begin()
  await Promise.all(Array.from({ length: task.concurrency }, one))
}
