import { definition, type FieldDefinition, type MessageDefinition, type MessageName } from './definition.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Reader } from './reader.ts'
import { inRange, parseRange } from './version-range.ts'
import {
  arrayType,
  bytesType,
  nullableType,
  refuse,
  scalarType,
  slotCost,
  stringType,
  type WireType,
} from './wire-type.ts'
import type { Writer } from './writer.ts'

/** How one message is written (`T`) and read (`D`) in one version. */
export interface Codec<T, D = T> {
  /** Whether the version has compact lengths and tagged fields (KIP-482). */
  readonly flexible: boolean
  /** Throws a `ProtocolError` that names message, version and field when the value cannot be written. */
  encode(writer: Writer, value: T): void
  /** Throws a `ProtocolError`; bytes behind the message are left alone. */
  decode(reader: Reader): D
}

/** Under this key a decoded struct keeps tagged fields that its schema does not know; they are written again. */
export const unknownTags: unique symbol = Symbol('unknownTags')
export type UnknownTag = readonly [tag: number, bytes: Buffer]

type Struct = Record<string, unknown> & { [unknownTags]?: UnknownTag[] }

/** Builds the codec of a message in one version. Strict: a field that the version lacks may not be set, unless ignorable. */
export function compile<T, D = T>(name: MessageName, version: number, strict: boolean): Codec<T, D> {
  const message = definition(name)
  if (!inRange(version, parseRange(message.versions))) {
    throw new ProtocolError(`${name} has the versions ${message.versions}, not ${version}`)
  }
  const compiler = new Compiler(message, version, strict)
  const root = compiler.struct(message.fields, '')
  const inside = (error: unknown) =>
    error instanceof ProtocolError ? new ProtocolError(`${name} v${version}: ${error.message}`, error) : error
  return {
    flexible: compiler.flexible,
    encode(writer, value) {
      try {
        root.write(writer, value)
      } catch (error) {
        throw inside(error)
      }
    },
    decode(reader) {
      try {
        return root.read(reader) as D
      } catch (error) {
        throw inside(error)
      }
    },
  }
}

class Compiler {
  readonly flexible: boolean
  readonly #version: number
  readonly #strict: boolean
  readonly #structs = new Map<string, readonly FieldDefinition[]>()

  constructor(message: MessageDefinition, version: number, strict: boolean) {
    this.#version = version
    this.#strict = strict
    this.flexible = this.#has(message.flexible)
    for (const struct of message.structs ?? []) {
      this.#structs.set(struct.name, struct.fields)
      this.#collect(struct.fields)
    }
    this.#collect(message.fields)
  }

  #has(versions: string | undefined): boolean {
    return inRange(this.#version, parseRange(versions))
  }

  #collect(fields: readonly FieldDefinition[]): void {
    for (const field of fields) {
      if (field.fields === undefined) continue
      this.#structs.set(field.type.replace('[]', ''), field.fields)
      this.#collect(field.fields)
    }
  }

  struct(definitions: readonly FieldDefinition[], path: string): WireType {
    const present: Field[] = []
    const tagged: TaggedField[] = []
    const absent: Field[] = []
    for (const each of definitions) {
      const field = this.#field(each, path)
      if (this.#has(each.tagged)) tagged.push({ ...field, tag: each.tag ?? 0 })
      else if (this.#has(each.versions)) present.push(field)
      else absent.push(field)
    }
    tagged.sort((a, b) => a.tag - b.tag)
    return structType(path, present, tagged, absent, this.flexible, this.#strict)
  }

  #field(field: FieldDefinition, path: string): Field {
    const what = path === '' ? field.name : `${path}.${field.name}`
    const compact = field.flexible === undefined ? this.flexible : this.#has(field.flexible)
    const type = this.#type(field.type, what, compact, this.#has(field.nullable), field.wide ?? false)
    return { name: field.name, what, type: withDefault(type, field), ignorable: field.ignorable ?? false }
  }

  #type(name: string, what: string, compact: boolean, nullable: boolean, wide: boolean): WireType {
    if (name.startsWith('[]')) {
      return arrayType(what, compact, nullable, this.#type(name.slice(2), what, compact, false, wide))
    }
    if (name === 'string') return stringType(what, compact, nullable)
    if (name === 'bytes' || name === 'records') return bytesType(what, compact, nullable)
    const scalar = scalarType(name, what, wide)
    if (scalar !== undefined) return scalar
    const struct = this.struct(this.#structs.get(name) ?? [], what)
    return nullable ? nullableType(struct) : struct
  }
}

interface Field {
  readonly name: string
  /** Its path in the message, for errors. */
  readonly what: string
  readonly type: WireType
  readonly ignorable: boolean
}
interface TaggedField extends Field {
  readonly tag: number
}

function withDefault(type: WireType, field: FieldDefinition): WireType {
  if (field.default === undefined) return type
  const isBig = field.type === 'int64' && typeof field.default === 'string'
  const initial = isBig ? BigInt(field.default) : field.default
  return { ...type, initial, isInitial: value => value === initial }
}

function structType(
  what: string,
  present: readonly Field[],
  tagged: readonly TaggedField[],
  absent: readonly Field[],
  flexible: boolean,
  strict: boolean,
): WireType {
  const all = [...present, ...tagged, ...absent]
  const initial: Struct = Object.freeze(Object.fromEntries(all.map(field => [field.name, field.type.initial])))
  return {
    read(reader) {
      const value: Struct = { ...initial }
      for (let i = 0; i < present.length; i++) {
        const field = present[i] as Field
        value[field.name] = field.type.read(reader)
      }
      if (flexible) readTags(reader, tagged, value)
      return value
    },
    write(writer, value) {
      if (typeof value !== 'object' || value === null) refuse(what, 'a struct', value)
      const struct = value as Struct
      for (let i = 0; i < present.length; i++) {
        const { name, type } = present[i] as Field
        const own = struct[name]
        type.write(writer, own === undefined ? type.initial : own)
      }
      if (strict) refuseAbsent(absent, struct)
      if (flexible) writeTags(writer, tagged, struct)
    },
    initial,
    isInitial: value => all.every(({ name, type }) => isUnset(type, (value as Struct | null)?.[name])),
    minSize: present.reduce((size, field) => size + field.type.minSize, flexible ? 1 : 0),
    cost: present.reduce((cost, field) => cost + field.type.cost, 32 + slotCost * all.length),
  }
}

function isUnset(type: WireType, value: unknown): boolean {
  return value === undefined || type.isInitial(value)
}

function refuseAbsent(absent: readonly Field[], struct: Struct): void {
  for (let i = 0; i < absent.length; i++) {
    const field = absent[i] as Field
    if (field.ignorable || isUnset(field.type, struct[field.name])) continue
    throw new ProtocolError(`${field.what} is set, but this version has no such field`)
  }
}

/** What an unknown tag takes in memory: its pair and a view. */
const unknownTagCost = 200

function readTags(reader: Reader, tagged: readonly TaggedField[], struct: Struct): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    const tag = reader.uvarint()
    const size = reader.uvarint()
    const field = fieldOf(tag, tagged)
    if (field === undefined) {
      reader.charge(unknownTagCost)
      struct[unknownTags] ??= []
      struct[unknownTags].push([tag, reader.bytes(size)])
      continue
    }
    reader.charge(field.type.cost)
    const outerEnd = reader.end
    const start = reader.take(size)
    reader.end = start + size
    reader.position = start
    struct[field.name] = field.type.read(reader)
    reader.position = start + size
    reader.end = outerEnd
  }
}

function fieldOf(tag: number, tagged: readonly TaggedField[]): TaggedField | undefined {
  for (let i = 0; i < tagged.length; i++) if (tagged[i]?.tag === tag) return tagged[i]
  return undefined
}

/** Tags are written in ascending order. Kafka numbers them without gaps, so those not known here come last. */
function writeTags(writer: Writer, tagged: readonly TaggedField[], struct: Struct): void {
  const unknown = struct[unknownTags]
  let count = unknown === undefined ? 0 : unknown.length
  for (let i = 0; i < tagged.length; i++) {
    const { name, type } = tagged[i] as TaggedField
    if (!isUnset(type, struct[name])) count++
  }
  writer.uvarint(count)
  if (count === 0) return
  for (const { tag, name, type } of tagged) {
    if (isUnset(type, struct[name])) continue
    writer.uvarint(tag)
    const at = writer.beginSized()
    type.write(writer, struct[name])
    writer.endSized(at)
  }
  for (const [tag, bytes] of unknown ?? []) {
    writer.uvarint(tag)
    writer.uvarint(bytes.length)
    writer.bytes(bytes)
  }
}
