import { InvalidArgumentError } from 'commander'
import type { StartPosition } from '../fetch/options.ts'

const EXPECTED =
  'Expected earliest, latest, an offset such as 1200, or a timestamp: ISO 8601 (2026-01-31T12:00Z) or @ and milliseconds.'

const isoTime = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?([Zz]|[+-]\d{2}:?\d{2})?)?$/

/** So many offsets before the end of each partition. */
export interface LastOffsets {
  readonly last: number
}

/** The same, or `-10`: the last ten. */
export function parseFromOrLast(text: string): StartPosition | LastOffsets {
  const [, last] = /^-(\d{1,15})$/.exec(text) ?? []
  return last === undefined ? parseFrom(text) : { last: Number(last) }
}

/** Where to begin: `earliest`, `latest`, an offset, or a timestamp. A time without a zone is UTC. */
export function parseFrom(text: string): StartPosition {
  if (text === 'earliest' || text === 'latest') return text
  const number = /^@?(\d{1,16})$/.exec(text)
  if (number !== null) {
    const value = Number(number[1])
    if (Number.isSafeInteger(value)) return text.startsWith('@') ? { timestamp: value } : { offset: value }
  }
  const timestamp = parseIsoTime(text)
  if (timestamp !== null) return { timestamp }
  throw new InvalidArgumentError(EXPECTED)
}

/** Milliseconds since 1970, or null when it is no such time. */
function parseIsoTime(text: string): number | null {
  const match = isoTime.exec(text)
  if (match === null) return null
  const [, date = '', time = '00:00', zone = 'Z'] = match
  const day = Date.parse(`${date}T00:00Z`)
  // Engines take 30 February for 2 March.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return null
  const at = Date.parse(`${date}T${time}${zone.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`)
  return Number.isNaN(at) || at < 0 ? null : at
}
