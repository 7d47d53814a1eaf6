const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Calls `first` at the first SIGINT or SIGTERM and `second` at the second; a third is the system's default: the process ends.
 * The answer stops listening.
 */
export function onSignals(
  first: (signal: NodeJS.Signals) => void,
  second: (signal: NodeJS.Signals) => void,
): () => void {
  const steps = [first, second]
  const stop = () => {
    for (const signal of SIGNALS) process.off(signal, listener)
  }
  const listener = (signal: NodeJS.Signals) => {
    const step = steps.shift()
    if (steps.length === 0) stop()
    step?.(signal)
  }
  for (const signal of SIGNALS) process.on(signal, listener)
  return stop
}
