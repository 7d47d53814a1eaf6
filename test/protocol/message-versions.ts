import { type Codec, compile } from '../../src/protocol/codec.ts'
import { definition, type MessageName } from '../../src/protocol/definition.ts'
import { schema } from '../../src/protocol/schema.ts'
import { parseRange } from '../../src/protocol/version-range.ts'
import { Writer } from '../../src/protocol/writer.ts'

export type Message = Record<string, unknown>

/** One message in one version, with its codec: strict, except for responses. */
export interface MessageVersion {
  readonly name: MessageName
  readonly version: number
  readonly codec: Codec<Message>
}

export function messageVersion(name: MessageName, version: number): MessageVersion {
  return { name, version, codec: compile(name, version, !name.endsWith('Response')) }
}

/** Every message in every version, unstable ones too. */
export const messageVersions: readonly MessageVersion[] = (Object.keys(schema) as MessageName[]).flatMap(name => {
  const { min, max } = parseRange(definition(name).versions)
  return Array.from({ length: max - min + 1 }, (_, i) => messageVersion(name, min + i))
})

export function written(codec: Codec<Message>, value: Message): Buffer {
  const writer = new Writer()
  codec.encode(writer, value)
  return writer.finish()
}
