/** All microtasks have run: what the tick queue holds comes after them. */
export function drained(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}

/** The event loop has had a turn; rejections that nobody handles were told. */
export function turned(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

const WATCHED = ['unhandledRejection', 'uncaughtException'] as const

/** Hears of errors and rejections that nobody handles, alone until it is released. */
export function watchErrors(unhandled: (error: unknown) => void): () => void {
  const release = WATCHED.map(event => {
    const others = process.rawListeners(event)
    process.removeAllListeners(event)
    process.on(event, unhandled)
    return () => {
      process.off(event, unhandled)
      for (const other of others) process.on(event, other as (error: unknown) => void)
    }
  })
  return () => {
    for (const each of release) each()
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
