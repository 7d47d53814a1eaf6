import { partitionName } from '../base/topic-partition.ts'
import type { Claim } from './claim.ts'
import type { Engine } from './engine.ts'
import type { EngineParts } from './parts.ts'
import { type Movement, StallWatch } from './stall-watch.ts'
import { describeWait, Waits } from './waits.ts'

/** Tells which partitions of an engine stand still, and what they wait for. */
export class Stalls {
  readonly watch: StallWatch
  readonly #engine: Engine
  readonly #parts: EngineParts
  /** Shared by all partitions that stall at one look. */
  #waits: Waits | null = null

  constructor(engine: Engine, parts: EngineParts) {
    this.#engine = engine
    this.#parts = parts
    const { clock, logger, options } = parts
    this.watch = new StallWatch({
      clock,
      stallAfterMs: options.stallAfterMs,
      claims: engine.claims,
      movement: claim => this.#movement(claim),
      stalled: (claim, afterMs) => this.#stalled(claim, afterMs),
      wentOn: ({ topic, partition }) => logger.info({ topic, partition }, 'the partition goes on'),
    })
  }

  tick(now: number): void {
    this.watch.tick(now)
    this.#waits = null
  }

  #movement(claim: Claim): Movement {
    const { reservoir, done, lag } = claim
    const { waiting = 0, undone = 0 } = this.#engine.dispatcher.state(claim) ?? {}
    // What is in handlers alone is watched by their timeouts.
    const kept = waiting + undone
    const open = kept > 0 || reservoir.messages > 0 || reservoir.position < reservoir.highWatermark
    const { started = -1, restarts = 0, heldUntil = null, paced = 0 } = this.#engine.dispatcher.marks(claim) ?? {}
    // Slow because it was told to be.
    const slow = claim.dueAt !== null || heldUntil !== null || paced > 0
    const behind = !slow && (lag === null || (lag > 0 && open))
    return { behind, marks: [started, restarts, done] }
  }

  #stalled(claim: Claim, afterMs: number): void {
    const { topic, partition, lag } = claim
    const { clock, logger } = this.#parts
    this.#waits ??= new Waits(this.#engine, this.#engine.commits?.state() ?? null)
    const waitsFor = this.#waits.of(claim)
    const reasons = waitsFor.map(wait => describeWait(wait, clock.wallTime())).join('; ')
    const behind = lag === null ? 'how far it is behind is not known' : `it is ${lag} behind`
    logger.warn(
      { topic, partition, lag, afterMs, waitsFor },
      `${partitionName(topic, partition)} is stalled: ${behind}, and nothing of it was handed out for ` +
        `${Math.round(afterMs / 1_000)} s. It waits for: ${reasons}`,
    )
    this.#engine.tell('stalled', { topic, partition, lag, afterMs, waitsFor })
  }
}
