/** Deep enough for every chain of causes that tells something. */
const MOST_CAUSES = 5

/** For `JSON.stringify`, which makes `{}` of an error: its name, code, message, place and causes, and no stack. */
export function errorsAsObjects(_key: string, value: unknown): unknown {
  return value instanceof Error ? errorObject(value, MOST_CAUSES) : value
}

function errorObject(error: Error, causes: number): object {
  const { name, message, cause } = error
  const found = new Map(Object.entries(error))
  const told: Record<string, unknown> = { name, message }
  for (const field of ['code', 'retriable', 'topic', 'partition', 'offset', 'broker']) {
    const value = found.get(field)
    if (['string', 'number', 'boolean'].includes(typeof value)) told[field] = value
  }
  if (cause instanceof Error && causes > 0) told.cause = errorObject(cause, causes - 1)
  return told
}
