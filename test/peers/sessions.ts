import { randomBytes } from 'node:crypto'
import test from 'node:test'

/**
 * What somebody else's client does with a cluster, by the guarantee that it shows. A session knows the addresses of the brokers and
 * nothing more, so it is the same for every kind of broker. Its topics and groups are its own, and what it opens it closes.
 */
export type Sessions = Readonly<Record<string, (brokers: string[]) => Promise<void>>>

export interface Place extends AsyncDisposable {
  readonly brokers: readonly string[]
}

/** A name for a topic or a group that no other session has. */
export function fresh(name: string): string {
  return `${name}-${randomBytes(4).toString('hex')}`
}

/** `prefix0`, `prefix1`, … */
export function values(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

/** Runs sessions as tests of one broker, several at the same time, as the clients of a real cluster would be. */
export function testSessions(
  client: string,
  sessions: Sessions,
  start: () => Promise<Place>,
  options: { readonly concurrency?: number; readonly skip?: string | false } = {},
): void {
  test(client, { concurrency: true, ...options }, async t => {
    await using place = await start()
    const run = ([name, session]: [string, Sessions[string]]) => t.test(name, () => session([...place.brokers]))
    await Promise.all(Object.entries(sessions).map(run))
  })
}
