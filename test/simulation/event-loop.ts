/** All microtasks have run: what the tick queue holds comes after them. */
export function drained(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve))
}

/** The event loop has had a turn; rejections that nobody handles were told. */
export function turned(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Hears of rejections that nobody handles, alone until it is released. */
export function watchRejections(unhandled: (error: unknown) => void): () => void {
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', unhandled)
  return () => {
    process.off('unhandledRejection', unhandled)
    for (const other of others) process.on('unhandledRejection', other)
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
