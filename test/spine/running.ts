import type { Consumer } from '../../src/index.ts'

/** A consumer that runs, and what became of its `run()`. */
export interface Running extends AsyncDisposable {
  /** What `run` rejected with; null while it runs and after it resolved. */
  readonly error: Error | null
  readonly ended: Promise<void>
}

/** Runs a consumer; it is closed at the end of the scope. */
export function running(consumer: Consumer): Running {
  let error: Error | null = null
  const ended = consumer.run().catch(thrown => {
    error = thrown
  })
  return {
    get error() {
      return error
    },
    ended,
    async [Symbol.asyncDispose]() {
      await consumer.close({ drainMs: 0 })
      await ended
    },
  }
}

/** How far all partitions are behind, together; Infinity while one is not known. */
export function lag(consumer: Consumer): number {
  const { partitions } = consumer.state()
  if (partitions.length === 0) return Number.POSITIVE_INFINITY
  return partitions.reduce((sum, { lag }) => sum + (lag ?? Number.POSITIVE_INFINITY), 0)
}
