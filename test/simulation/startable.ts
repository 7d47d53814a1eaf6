import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { Dispatcher } from '../../src/work/dispatcher.ts'
import type { IntakeState } from '../../src/work/intake-state.ts'
import { type RouteScenario, type Scenario, sourceTopic } from './scenario.ts'
import type { SimulatedClaim } from './simulated-claim.ts'

/** Whether a message of this route could be started now, if there is a unit of concurrency for it. Where that is hard to tell the answer is no. */
export function startable(
  route: number,
  { routes, breaker, log, hashes, work }: Scenario,
  dispatcher: Dispatcher<AnyMessage>,
  claims: readonly SimulatedClaim[],
): boolean {
  const { batch, expireAfterMs, rate, keyRate, threads } = routes[route] as RouteScenario
  const plain = batch === null && expireAfterMs === null && rate === null && keyRate === null && threads === 0
  if (!plain || breaker !== null || log.compressed > 0 || hashes < 100) return false
  return claims.some(claim => {
    const state = dispatcher.state(claim)
    return claim.topic === sourceTopic(route) && state !== undefined && hasStartable(claim, state, work)
  })
}

function hasStartable(
  claim: SimulatedClaim,
  { inFlight, undone }: IntakeState,
  { perPartition, maxUndone }: Scenario['work'],
): boolean {
  const { model, reservoir, gaps } = claim
  if (claim.draining || model.stopped || !claim.dispatchable || claim.full) return false
  if (inFlight >= perPartition || undone >= maxUndone || gaps.toCome > 0) return false
  return model.hasFree(reservoir.delivered, reservoir.position)
}
