export interface EpochEnd {
  readonly epoch: number
  /** Behind the last offset of that epoch. */
  readonly endOffset: number
}

interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

/** Kafka's "undefined": the log does not know. */
const unknown: EpochEnd = { epoch: -1, endOffset: -1 }

/** Where the epoch of each leader begins in the log (KIP-101): an epoch in which nothing was written is forgotten with the next. */
export class LeaderEpochs {
  #starts: EpochStart[] = []

  /** A leader of this epoch writes from this offset on. */
  begin(epoch: number, startOffset: number): void {
    while ((this.#starts.at(-1)?.startOffset ?? -1) >= startOffset) this.#starts.pop()
    this.#starts.push({ epoch, startOffset })
  }

  /** The log begins here now. */
  moveStart(startOffset: number): void {
    const at = this.#starts.findLastIndex(entry => entry.startOffset <= startOffset)
    const before = this.#starts[at]
    if (before !== undefined) this.#starts.splice(0, at + 1, { epoch: before.epoch, startOffset })
  }

  /** The epoch of the first entry, when it reaches back to this offset; else -1. */
  earliest(startOffset: number): number {
    const first = this.#starts[0]
    return first !== undefined && first.startOffset <= startOffset ? first.epoch : -1
  }

  /** The last epoch that is not after the one asked for, and where it ended. As Kafka's leaders answer it. */
  endOf(epoch: number, logEnd: number): EpochEnd {
    const latest = this.#starts.at(-1)
    if (epoch === -1 || latest === undefined || epoch > latest.epoch) return unknown
    if (epoch === latest.epoch) return { epoch, endOffset: logEnd }
    const next = this.#starts.findIndex(entry => entry.epoch > epoch)
    const { startOffset } = this.#starts[next] as EpochStart
    return { epoch: this.#starts[next - 1]?.epoch ?? epoch, endOffset: startOffset }
  }
}
