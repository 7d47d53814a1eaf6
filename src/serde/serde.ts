/** Headers as a serde sees them; those of a message are. */
export interface SerdeHeaders {
  /** The last value of that name; undefined when there is none. */
  get(name: string): Buffer | null | undefined
  /** All values of that name, in the order written. */
  getAll(name: string): readonly (Buffer | null)[]
}

/** Where the bytes come from, or go to. */
export interface SerdeInfo {
  readonly topic: string
  /** True for the key of a message, false for its value. */
  readonly isKey: boolean
  readonly headers: SerdeHeaders
}

/** Makes a `T` of the bytes of a key or a value. */
export interface Deserializer<T> {
  /**
   * `bytes` is null when the message has no key, or a null value (a tombstone). It is a view into the message's record batch: what is
   * kept of it keeps the batch in memory. What this throws, or rejects with, is a failure of the message (`'decode'`); it is tried
   * again only if the error says `retriable: true`.
   */
  deserialize(bytes: Buffer | null, info: SerdeInfo): T | PromiseLike<T>
}

/** Makes bytes of a key or a value. */
export interface Serializer<T> {
  /** Null stands for no key, or for a null value (a tombstone). */
  serialize(value: T, info: SerdeInfo): Uint8Array | null | PromiseLike<Uint8Array | null>
}

/**
 * Both directions. `Read` is what a message holds, and `Written` what may be sent; they differ where reading converts, as a schema that
 * makes a `Date` of a string does.
 */
export interface Serde<Read, Written = Read> extends Deserializer<Read>, Serializer<Written> {}
