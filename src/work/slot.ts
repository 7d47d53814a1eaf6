import type { WorkMessage } from './claim.ts'
import type { Attempt } from './context.ts'
import type { Intake } from './intake.ts'
import type { Verdicts } from './verdicts.ts'

/**
 * Where a message is between its claim and its settlement.
 *
 *     parked ──▶ ready ──▶ running ──▶ (done: the slot is free again)
 *                  ▲          │
 *   collected ─────┤          ├──▶ deciding ──▶ (done)
 *   paced ─────────┤          │       │
 *                  └─ waiting ◀───────┘
 *
 * `parked`: behind another message of its lane. `collected`: in a batch that is still being filled. `paced`: the rate of its key
 * lets it wait, or did. `waiting`: for its next attempt, its probe or its redelivery. `deciding`: `onFailure` was asked. `gone`: never to
 * come back in this process (left after it was abandoned, or its claim ended).
 */
export const SlotState = {
  parked: 0,
  collected: 1,
  ready: 2,
  running: 3,
  deciding: 4,
  waiting: 5,
  gone: 6,
  paced: 7,
} as const

export type SlotState = (typeof SlotState)[keyof typeof SlotState]

/** Hash of a slot that is in no lane. Lanes of keys are ≥ 0, lanes of whole partitions ≤ −2. */
export const NO_LANE = -1

/** Messages of one partition without a lane, and their places in their claim's progress. */
export interface Loose<M extends WorkMessage> {
  readonly intake: Intake<M>
  readonly messages: M[]
  readonly places: number[]
}

/** One message in work. Slots are pooled: their links belong to the lists they are in, and to nobody else. */
export class Slot<M extends WorkMessage = WorkMessage> {
  state: SlotState = SlotState.gone
  // Filled by the dispatcher before anything else sees the slot.
  message!: M
  intake!: Intake<M>
  /** The message's place in its claim's progress. */
  place = 0
  /** Attempts made. */
  attempts = 0
  /** Set while it runs. */
  attempt: Attempt | null = null
  /** Whether this slot's handler was abandoned: it has a promise that may still settle. */
  abandoned = false
  /** Whether the handler was entered, so that its error is not the decoder's. */
  decoded = false

  lane = NO_LANE
  laneNext: Slot<M> | null = null
  /** Last slot of the lane; kept by its first. */
  laneTail: Slot<M> | null = null
  bucketNext: Slot<M> | null = null

  /** The batch this slot leads: all its members, itself first. Null for a message handled by itself. */
  members: Slot<M>[] | null = null
  /** Further messages of the batch this slot leads, by partition, which need no slot unless it fails: they wait for nobody. */
  loose: Loose<M>[] | null = null
  /** The slot that leads the batch this one is in. */
  leader: Slot<M> | null = null
  /** While the batch this slot leads is filled: how many messages it has, and their bytes. */
  count = 0
  bytes = 0
  /** While the batch this slot leads runs: its partitions but for that of this slot. */
  partners: Intake<M>[] | null = null
  /** What the handler of the batch this slot leads said of its messages. */
  verdicts: Verdicts<M> | null = null

  /** Links of the list of running slots, in the order of their deadlines. */
  before: Slot<M> | null = null
  after: Slot<M> | null = null
  deadline = 0
  timedOut = false

  /** When a waiting slot is due, and where it is in the heap (−1: nowhere). */
  due = 0
  heapIndex = -1
  /** Whether it gave up its lane while it waits, and must take it again (`'leave'`). */
  left = false
  /** Whether it counts as left or held. */
  undone = false

  /** Reactions to its handler's promise, made once per slot. */
  readonly resolved: () => void
  readonly rejected: (error: unknown) => void

  constructor(resolved: (slot: Slot<M>) => void, rejected: (slot: Slot<M>, error: unknown) => void) {
    this.resolved = () => resolved(this)
    this.rejected = error => rejected(this, error)
  }
}
