/**
 * A field of 64 bits that really holds values beyond ±2^53 (producer ids, timestamps that a producer chose): a number where that
 * is exact, else a bigint. All other int64 fields (offsets, the broker's times, sizes) are typed `number`; a frame with a value
 * there that a number cannot hold is refused with a `ProtocolError`.
 */
export type Int64 = number | bigint
