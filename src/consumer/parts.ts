import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { GroupClient } from '../ownership/group/group-client.ts'
import type { Subscription } from '../ownership/subscription.ts'
import type { Tell } from './events.ts'
import type { Observation } from './observed.ts'
import type { ResolvedOptions } from './options.ts'
import type { ConsumerRoute } from './route.ts'
import type { OutputProducer } from './transactions.ts'

/** What an engine is made of. */
export interface EngineParts {
  readonly options: ResolvedOptions
  readonly subscription: Subscription
  readonly routes: readonly ConsumerRoute[]
  /** For group and commits, in place of a client over sockets: for tests. */
  readonly groupClient: GroupClient | null
  /** In place of a producer of Kafka's: for tests. */
  readonly outputProducer?: () => OutputProducer
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly tell: Tell
  readonly observation: Observation
  /** The consumer cannot go on: it is to be closed, and `run` rejects with this. */
  readonly fatal: (error: Error) => void
}
