import { setTimeout as delay } from 'node:timers/promises'

/** Waits for a condition, looking often; after `withinMs` it fails and says what was waited for. */
export async function until(what: string, condition: () => unknown, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} did not come true within ${withinMs} ms`)
    await delay(5)
  }
}
