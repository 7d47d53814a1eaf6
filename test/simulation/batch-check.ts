import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { BatchLimits } from '../../src/work/route.ts'

/** What is wrong with a batch, if anything: it has more than its limits, or what does not go together. */
export function wrongBatch({ by, messages: most, bytes }: BatchLimits, messages: readonly AnyMessage[]): string | null {
  const [first] = messages as [AnyMessage]
  if (messages.length > most) return `${messages.length} messages are handed over, and ${most} are allowed`
  // It is handed over with the message that reaches its limit, whichever that is.
  const sizes = messages.map(({ size }) => size)
  const sum = sizes.reduce((all, size) => all + size, 0)
  if (sum - Math.max(...sizes) >= bytes) return `${sum} bytes are handed over, and ${bytes} are enough`
  const isOther = ({ topic, partition }: AnyMessage) => topic !== first.topic || partition !== first.partition
  if (by !== 'route' && messages.some(isOther)) return `messages of two partitions are handed over by ${by}`
  const nameOf = ({ rawKey }: AnyMessage) => rawKey?.toString() ?? null
  if (by === 'key' && messages.some(message => nameOf(message) !== nameOf(first))) return 'two keys are in one batch'
  return null
}
