import { readFile } from 'node:fs/promises'
import type { TestMessage } from '../cluster.ts'

/** Messages to go round so many partitions; `from`: the value of the first. */
export function numbered(count: number, from: number, partitions: number): TestMessage[] {
  return Array.from({ length: count }, (_, n) => {
    return { key: `k${n % 97}`, value: String(from + n), partition: n % partitions }
  })
}

/** A line, `partition offset`, for each time that a process which may have been killed handled a message. */
export async function handledLines(log: string): Promise<string[]> {
  const text = await readFile(log, 'utf8').catch(() => '')
  // What follows the last line break may be half a line.
  return text.split('\n').slice(0, -1)
}
