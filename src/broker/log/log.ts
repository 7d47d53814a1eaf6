/** The record batches of a partition as they came, each in memory of its own. */
export class Log {
  /** First offset that can be read. */
  get startOffset(): number {
    throw new Error('not yet')
  }

  /** Offset of the next message. Everything is replicated at once, so it is the end of the log too. */
  get highWatermark(): number {
    throw new Error('not yet')
  }

  /** Where the oldest open transaction begins, else the high watermark. */
  get lastStableOffset(): number {
    throw new Error('not yet')
  }
}
