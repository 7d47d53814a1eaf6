import { onSignals } from '../base/signals.ts'

/** Producers of this process that close on signals. */
let listening = 0

/**
 * The first SIGINT or SIGTERM closes the producer, a second one at once. Then the signal has the effect that it would have had: the process
 * ends, unless somebody else listens to it as well and so decides. The answer stops listening.
 */
export function closeOnSignals(close: (signal: string, drainMs?: number) => Promise<void>): () => void {
  let heard: NodeJS.Signals | null = null
  const stopListening = onSignals(
    signal => {
      if (process.listenerCount(signal) <= listening) heard = signal
      void close(signal)
    },
    signal => void close(signal, 0),
  )
  listening++
  return () => {
    stopListening()
    listening--
    const signal = heard
    // Once those who waited for their messages had their turn; another producer that still drains goes on, and ends the process then.
    if (signal !== null) setImmediate(() => process.listenerCount(signal) === 0 && process.kill(process.pid, signal))
  }
}
