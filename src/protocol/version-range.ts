/** Versions from `min` to `max`, both included; empty when `max` is below `min`. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** Reads `3`, `3-5`, `3+` or `none`, as Kafka's message definitions write versions. */
export function parseRange(text: string | undefined): Range {
  if (text === undefined || text === 'none') return { min: 0, max: -1 }
  const min = Number.parseInt(text, 10)
  if (text.endsWith('+')) return { min, max: 32_767 }
  const dash = text.indexOf('-')
  return { min, max: dash < 0 ? min : Number(text.slice(dash + 1)) }
}

export function inRange(version: number, range: Range): boolean {
  return version >= range.min && version <= range.max
}

/** Whether `outer` has all versions of `inner`. */
export function coversRange(outer: Range, inner: Range): boolean {
  return outer.min <= inner.min && outer.max >= inner.max
}
