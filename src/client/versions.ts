import { MillraceError } from '../base/errors.ts'
import { type ApiName, api } from '../protocol/apis.ts'

/** Broker and client have no version of an API in common. Code `UNSUPPORTED_VERSION`. */
export class UnsupportedVersionError extends MillraceError {
  constructor(message: string, broker: string) {
    super('UNSUPPORTED_VERSION', message, { broker })
  }
}

export interface VersionRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** The newest versions that Kafka 2.1 has: nothing older is spoken. */
const oldest: Partial<Record<ApiName, number>> = { Produce: 7, Fetch: 10, ListOffsets: 4, Metadata: 7 }

/** What one broker speaks, as it told on this connection (https://kafka.apache.org/protocol#api_versions). */
export class Versions {
  readonly #broker: string
  readonly #ranges = new Map<number, VersionRange>()

  constructor(broker: string, ranges: readonly VersionRange[]) {
    this.#broker = broker
    for (const range of ranges) this.#ranges.set(range.apiKey, range)
  }

  /** The highest version of this API that both sides have, inside the caller's limits; throws an `UnsupportedVersionError`. */
  pick(name: ApiName, minVersion = 0, maxVersion = Number.POSITIVE_INFINITY): number {
    const ours = api(name)
    const min = Math.max(ours.minVersion, oldest[name] ?? 0, minVersion)
    const max = Math.min(ours.maxVersion, maxVersion)
    const theirs = this.#ranges.get(ours.key)
    const needed = min === max ? `version ${min}` : `versions ${min} to ${max}`
    if (theirs === undefined) {
      throw new UnsupportedVersionError(
        `${this.#broker} does not know the API ${name}, of which ${needed} would be needed: it is not offered to clients there, ` +
          'or the broker is too old',
        this.#broker,
      )
    }
    const version = Math.min(max, theirs.maxVersion)
    if (version >= min && version >= theirs.minVersion) return version
    throw new UnsupportedVersionError(
      `${this.#broker} speaks the versions ${theirs.minVersion} to ${theirs.maxVersion} of ${name}, and ${needed} would be needed: ` +
        whoIsTooOld(name, theirs.maxVersion, min),
      this.#broker,
    )
  }

  /** Refuses brokers before Kafka 2.1 at once, and not at the first request that fails. */
  check(): void {
    for (const name of ['Metadata', 'Fetch', 'Produce', 'ListOffsets'] as const) {
      if (this.#ranges.has(api(name).key)) this.pick(name)
    }
  }
}

function whoIsTooOld(name: ApiName, theirMax: number, ourMin: number): string {
  if (theirMax >= ourMin) return 'this release of Millrace is too old for it'
  return theirMax < (oldest[name] ?? 0) ? 'Kafka 2.1 or later is needed' : 'the broker is too old for this request'
}
