import type { ResolvedOptions } from './options.ts'
import type { RouteSpec } from './route.ts'

/** What a consumer was told, for those who run its routes otherwise than it does. */
export interface ConsumerSpec {
  readonly options: ResolvedOptions
  /** Grows as long as routes are added. */
  readonly routes: readonly RouteSpec[]
}

const specs = new WeakMap<object, ConsumerSpec>()

export function keepSpec(consumer: object, spec: ConsumerSpec): void {
  specs.set(consumer, spec)
}

/** Undefined: it is no consumer. */
export function specOf(consumer: object): ConsumerSpec | undefined {
  return specs.get(consumer)
}
