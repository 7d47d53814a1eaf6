import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { Progress } from '../../src/offsets/progress.ts'
import type { OffsetStorage } from '../../src/offsets/storage.ts'
import type { Route } from '../../src/work/route.ts'
import type { SimulatedClaim } from './simulated-claim.ts'

/** A bug put in from the outside, to see that the simulation finds it. All empty: none. */
export interface Plant {
  readonly claim?: typeof SimulatedClaim
  readonly progress?: (ringLimit: number) => Progress
  readonly storage?: (storage: OffsetStorage) => OffsetStorage
  readonly route?: (route: Route<AnyMessage>) => Route<AnyMessage>
  readonly drain?: (drain: () => Promise<number>) => Promise<number>
  /** What was lost goes on being committed. */
  readonly keepsLost?: boolean
  /** Changes the product's own code while a simulation runs; answers how to undo it. */
  readonly install?: () => () => void
}
