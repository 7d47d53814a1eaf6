import type { WorkMessage } from './claim.ts'
import { NO_LANE, type Slot } from './slot.ts'

/** A batch, parted in two. */
export interface Halves<M extends WorkMessage> {
  readonly first: Slot<M>[]
  readonly second: Slot<M>[]
  /** They share their one lane, so that the second waits for the first. */
  readonly chained: boolean
}

/**
 * Parts a batch of several messages so that no lane is in both halves, as evenly as that allows; one that is of a single lane in its middle.
 * What is of one lane stays in its order. So a batch is down to single messages after twice as many steps as halving takes, at most.
 */
export function halves<M extends WorkMessage>(members: readonly Slot<M>[]): Halves<M> {
  const lanes = [...Map.groupBy(members, member => (member.lane === NO_LANE ? member : member.lane)).values()]
  const middle = members.length / 2
  if (lanes.length === 1) {
    const cut = Math.ceil(middle)
    return { first: members.slice(0, cut), second: members.slice(cut), chained: true }
  }
  let taken = 1
  let size = lanes[0]?.length ?? 0
  // Up to whatever is nearest to the middle.
  while (taken < lanes.length - 1 && size + (lanes[taken]?.length ?? 0) / 2 <= middle) {
    size += lanes[taken]?.length ?? 0
    taken++
  }
  return { first: lanes.slice(0, taken).flat(), second: lanes.slice(taken).flat(), chained: false }
}
