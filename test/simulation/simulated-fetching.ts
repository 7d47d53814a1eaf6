import type { Clock } from '../../src/base/clock.ts'
import type { Logger } from '../../src/base/logger.ts'
import type { Random } from '../../src/base/random.ts'
import type { LowLevelClient } from '../../src/client/low-level-client.ts'
import { Fetching } from '../../src/fetch/fetching.ts'
import type { Scenario } from './scenario.ts'

export interface SimulatedFetchingParts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly client: LowLevelClient
  readonly fetchers: number
}

/** Fetching with a reservoir that a few messages fill. */
export function simulatedFetching(
  { reservoirMessages, budget, maxBytes }: Scenario,
  { fetchers, ...parts }: SimulatedFetchingParts,
): Fetching {
  return new Fetching({
    ...parts,
    options: {
      reservoir: { messages: reservoirMessages, bytes: budget },
      fetchers,
      minBytes: 1,
      maxWaitMs: 100,
      maxBytes,
      partitionMaxBytes: maxBytes,
      isolation: 'read_committed',
      maxInflatedBytes: 1_000_000,
      onOutOfRange: 'fail',
      onCorrupt: 'fail',
    },
    start: 'earliest',
    events: { outOfRange: () => {}, truncated: () => {}, failed: () => {}, topicMissing: () => {} },
  })
}
