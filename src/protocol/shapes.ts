/**
 * What comes out when a message is read that was typed as it is written: every field is there (a field that the version lacks, or
 * that was left out, holds its default) and bytes are views into the frame.
 */
export type Decoded<T> = T extends Uint8Array
  ? Buffer
  : T extends readonly (infer E)[]
    ? readonly Decoded<E>[]
    : T extends object
      ? { readonly [K in keyof T]-?: Decoded<T[K]> }
      : T

/**
 * What may be given to write a message that was typed as it is read: what is missing holds its default. Bytes may come in pieces, which
 * are written one behind the other.
 */
export type Encodable<T> = T extends Uint8Array
  ? Uint8Array | readonly Uint8Array[]
  : T extends readonly (infer E)[]
    ? readonly Encodable<E>[]
    : T extends object
      ? { readonly [K in keyof T]?: Encodable<T[K]> }
      : T
