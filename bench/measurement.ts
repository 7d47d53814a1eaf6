/** What one process measured, printed by it as one line of JSON. Sums over its measured passes. */
export interface Measurement {
  /** How it was: a version, a setting found out at run time. Null when there is nothing to tell. */
  readonly note: string | null
  /** Messages per second of the very first pass of the process, which does not count: nothing is compiled yet. */
  readonly firstPass: number | null
  readonly passes: number
  readonly messages: number
  /** From the first message of a pass to its last. */
  readonly seconds: number
  /** Of the process, all its threads, in the same span. */
  readonly cpuUser: number
  readonly cpuSystem: number
  /** How late a timer of 10 ms was; null in programs without an event loop. */
  readonly timerLateMs: Lateness | null
  /** Largest resident memory of the whole run. */
  readonly rssPeakMib: number
  /** Resident memory over time, where that is what is measured. */
  readonly rss: readonly RssSample[] | null
  /** From sending to being handled, where that is what is measured. */
  readonly latencyMs?: Latency
}

export interface Latency {
  readonly samples: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface Lateness {
  readonly samples: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface RssSample {
  /** Since the first message. */
  readonly seconds: number
  readonly mib: number
  /** Of these, V8's young generation: it grows in steps, up to a size that Node sets, when much is allocated. */
  readonly youngMib: number
  readonly messages: number
  /** Of a producer: what of V8's heap is in use, buffers outside of it, and whether the broker stands still. */
  readonly heapMib?: number
  readonly buffersMib?: number
  readonly stalled?: boolean
}

/** What a measured process is told, as JSON in its first argument. */
export interface Task {
  readonly brokers: readonly string[]
  /** Null: these brokers want none. */
  readonly security: Security | null
  readonly topic: string
  readonly partitions: number
  /** Messages of one pass, from the beginning of the topic. */
  readonly messages: number
  /** There are passes until this much has been read, at least one; they warm up and do not count. */
  readonly warmSeconds: number
  /** Then there are passes until this much is measured. */
  readonly minSeconds: number
  readonly concurrency: number
  /** What the handler does. The names are the program's own. */
  readonly handler: string
  /** For who stops it; null where nobody does. */
  readonly brokerPid: number | null
}

/** How a listener with TLS and SASL is reached, as clients for Node take it. */
export interface Security {
  /** PEM. */
  readonly tls: { readonly ca: string }
  readonly sasl: { readonly mechanism: 'SCRAM-SHA-512'; readonly username: string; readonly password: string }
}
