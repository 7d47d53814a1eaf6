import { type Codec, compile } from './codec.ts'
import { definition } from './definition.ts'
import type { DataMessages } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'
import { Reader } from './reader.ts'
import type { Decoded } from './shapes.ts'
import { parseRange } from './version-range.ts'
import { Writer } from './writer.ts'

/** `ConsumerProtocolSubscription`, `EndTxnMarker`, …: messages that travel inside of others, or in the log. */
export type DataName = keyof DataMessages

type DataCodec<N extends DataName> = Codec<DataMessages[N], Decoded<DataMessages[N]>>

const codecs = new Map<string, unknown>()

function dataCodec<N extends DataName>(name: N, version: number): DataCodec<N> {
  const id = `${name} ${version}`
  if (!codecs.has(id)) codecs.set(id, compile(name, version, true))
  return codecs.get(id) as DataCodec<N>
}

/** The message with its version in two bytes before it, as subscriptions and assignments of a group and markers are stored. */
export function encodeData<N extends DataName>(name: N, version: number, value: DataMessages[N]): Buffer {
  const writer = new Writer(128)
  writer.int16(version)
  dataCodec(name, version).encode(writer, value)
  return writer.finish()
}

/**
 * Reads what `encodeData` writes. A version above those known here is read as the highest known one, as Kafka does: later versions only
 * add fields at the end. Throws a `ProtocolError`.
 */
export function decodeData<N extends DataName>(name: N, bytes: Buffer): Decoded<DataMessages[N]> {
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (version < 0) throw new ProtocolError(`${name} in version ${version}`)
  return dataCodec(name, Math.min(version, parseRange(definition(name).versions).max)).decode(reader)
}
