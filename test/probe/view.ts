import type { Marker } from '../../src/records/marker.ts'
import { markerOf } from '../../src/records/marker.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'

export type View = string | number | boolean | null | readonly View[] | { readonly [name: string]: View }

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * Answers as they are compared. What differs from one cluster to another by nature gets a name: the first topic id that a script sees
 * is `topic id 1`, and is so whenever it comes again.
 */
export class Views {
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  readonly #started = Date.now()
  readonly #prefix: string

  /** `prefix` is left out where it begins a name. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  of(value: unknown, field = ''): View {
    if (value === null || value === undefined) return null
    if (field in this.#special) return (this.#special[field] as (value: unknown) => View)(value)
    if (Buffer.isBuffer(value)) return field === 'records' ? this.#records(value) : this.#bytes(value)
    if (Array.isArray(value)) return value.map(element => this.of(element, field))
    if (typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.of(inner, name)]))
    }
    if (typeof value === 'string') return value.replaceAll(this.#prefix, '')
    return typeof value === 'bigint' ? String(value) : (value as View)
  }

  /** By the names of fields, wherever they are. */
  readonly #special: Readonly<Record<string, (value: unknown) => View>> = {
    throttleTimeMs: () => 'any',
    clusterId: value => this.#named('cluster', value),
    port: value => ((value as number) > 0 ? this.#named('port', value) : (value as number)),
    finalizedFeaturesEpoch: () => 'any',
    topicId: value => (value === zeroId ? 'none' : this.#named('topic id', value)),
    producerId: value => (Number(value) < 0 ? Number(value) : this.#named('producer', value)),
    sessionId: value => (value === 0 ? 0 : this.#named('session', value)),
    memberId: value => this.#member(value as string),
    leader: value => this.#member(value as string),
    // Their wording is not what programs read; whether there is one is.
    errorMessage: value => this.#text(value as string),
    batchIndexErrorMessage: value => this.#text(value as string),
    documentation: value => this.#text(value as string),
    timestamp: value => this.#time(value),
    logAppendTimeMs: value => this.#time(value),
    lastTimestamp: value => this.#time(value),
    transactionStartTimeMs: value => this.#time(value),
  }

  #named(kind: string, value: unknown): string {
    const key = `${kind} ${String(value)}`
    let name = this.#names.get(key)
    if (name === undefined) {
      const count = (this.#counts.get(kind) ?? 0) + 1
      this.#counts.set(kind, count)
      name = `${kind} ${count}`
      this.#names.set(key, name)
    }
    return name
  }

  /** Client id or instance id, a dash, and what makes it unique. */
  #member(id: string): string {
    return id.replaceAll(this.#prefix, '').replace(uuid, found => this.#named('uuid', found))
  }

  /** A character each, as names in them are as long on all sides. */
  #bytes(value: Buffer): View {
    return `bytes ${value.toString('latin1').replaceAll(this.#prefix, '')}`
  }

  #text(value: string): View {
    return value === '' ? '' : 'some text'
  }

  /** Times that a script gave lie in the past; the cluster's own are as good as now. */
  #time(value: unknown): View {
    return Number(value) >= this.#started - 60_000 ? 'now' : Number(value)
  }

  #records(bytes: Buffer): View {
    const place = { topic: 'probe', partition: 0 }
    const { batches, corrupt } = splitBatches(bytes, 0, bytes.length, place)
    if (corrupt !== null) return `corrupt: ${corrupt.message}`
    return batches.map(batch => {
      const { baseOffset, lastOffset, leaderEpoch, attributes, count, producerEpoch, baseSequence } = batch
      const header = {
        baseOffset,
        lastOffset,
        leaderEpoch,
        attributes,
        count,
        producerEpoch,
        baseSequence,
        producerId: this.of(batch.producerId, 'producerId'),
        baseTimestamp: this.#time(batch.baseTimestamp),
        maxTimestamp: this.#time(batch.maxTimestamp),
        sealed: batch.crcValid,
      }
      if (batch.isControl) return { ...header, marker: markerOf(batch) as Marker }
      const opened = openBatch(batch, { ...place, maxInflatedBytes: 1 << 24, highWatermark: -1 })
      if (opened instanceof Promise) return header
      const records: View[] = []
      for (let message = opened.next(); message !== null; message = opened.next()) {
        records.push(`${message.offset} ${message.key} ${message.value} ${this.#time(message.timestamp)}`)
      }
      return { ...header, records }
    })
  }
}
