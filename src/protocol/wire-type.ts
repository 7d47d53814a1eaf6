import { ProtocolError } from './protocol-error.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** How the values of one field are read and written in one version. */
export interface WireType {
  read(reader: Reader): unknown
  write(writer: Writer, value: unknown): void
  /** The default: shared by all who need it, so frozen where it could change. */
  readonly initial: unknown
  isInitial(value: unknown): boolean
  /** The fewest bytes that a value takes on the wire. */
  readonly minSize: number
  /** About how many bytes a value takes in memory besides its place in an array or object, and what `read` charges itself. */
  readonly cost: number
}

/** Bytes that a place in an array or object takes. */
export const slotCost = 8
const arrayCost = 48
const stringCost = 24
const viewCost = 120
/** Kafka holds to it also where a compact length could say more. */
const maxStringSize = 0x7fff
const emptyArray: readonly unknown[] = Object.freeze([])
const emptyBuffer = Buffer.alloc(0)
/** The protocol's empty uuid: "no topic id". */
export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

export function refuse(what: string, expected: string, value: unknown): never {
  throw new ProtocolError(`${what} must be ${expected}, not ${described(value)}`)
}

/** Texts and bytes are not shown: they may be secrets. */
function described(value: unknown): string {
  if (typeof value === 'string') return 'a string'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

function integer(
  what: string,
  size: number,
  min: number,
  max: number,
  read: (reader: Reader) => unknown,
  write: (writer: Writer, value: number) => void,
): WireType {
  return {
    read,
    write(writer, value) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
        refuse(what, `an integer from ${min} to ${max}`, value)
      }
      write(writer, value)
    },
    initial: 0,
    isInitial: value => value === 0,
    minSize: size,
    cost: size > 4 ? 16 : 0,
  }
}

const minInt64 = -(2n ** 63n)
const maxInt64 = 2n ** 63n - 1n

function int64(what: string, wide: boolean): WireType {
  const type = integer(
    what,
    8,
    Number.MIN_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
    wide ? reader => reader.wideInt64() : reader => reader.int64(),
    (writer, value) => writer.int64(value),
  )
  return {
    ...type,
    write(writer, value) {
      if (typeof value !== 'bigint') type.write(writer, value)
      else if (value < minInt64 || value > maxInt64) refuse(what, 'of 64 bits', value)
      else writer.int64(value)
    },
    isInitial: value => value === 0 || value === 0n,
    cost: wide ? 32 : 16,
  }
}

/** The type of that name, or undefined where it is a struct. */
export function scalarType(name: string, what: string, wide: boolean): WireType | undefined {
  switch (name) {
    case 'bool':
      return {
        read: reader => reader.bool(),
        write: (writer, value) =>
          writer.int8(value === true ? 1 : value === false ? 0 : refuse(what, 'true or false', value)),
        initial: false,
        isInitial: value => value === false,
        minSize: 1,
        cost: 0,
      }
    case 'int8':
      return integer(
        what,
        1,
        -0x80,
        0x7f,
        reader => reader.int8(),
        (writer, value) => writer.int8(value),
      )
    case 'int16':
      return integer(
        what,
        2,
        -0x8000,
        0x7fff,
        reader => reader.int16(),
        (writer, value) => writer.int16(value),
      )
    case 'uint16':
      return integer(
        what,
        2,
        0,
        0xffff,
        reader => reader.uint16(),
        (writer, value) => writer.int16(value),
      )
    case 'int32':
      return integer(
        what,
        4,
        -0x8000_0000,
        0x7fff_ffff,
        reader => reader.int32(),
        (writer, value) => writer.int32(value),
      )
    case 'uint32':
      return integer(
        what,
        4,
        0,
        0xffff_ffff,
        reader => reader.uint32(),
        (writer, value) => writer.int32(value),
      )
    case 'int64':
      return int64(what, wide)
    case 'float64':
      return {
        read: reader => reader.float64(),
        write: (writer, value) => writer.float64(typeof value === 'number' ? value : refuse(what, 'a number', value)),
        initial: 0,
        isInitial: value => value === 0,
        minSize: 8,
        cost: 16,
      }
    case 'uuid':
      return {
        read: reader => reader.uuid(),
        write(writer, value) {
          if (typeof value !== 'string' || !writer.uuid(value)) refuse(what, 'a uuid of 22 base64url letters', value)
        },
        initial: zeroUuid,
        isInitial: value => value === zeroUuid,
        minSize: 16,
        cost: 40,
      }
    default:
      return undefined
  }
}

export function stringType(what: string, compact: boolean, nullable: boolean): WireType {
  return {
    read(reader) {
      const size = reader.length(compact, true, nullable)
      if (size <= 0) return size < 0 ? null : ''
      if (size > maxStringSize) throw new ProtocolError(`${what} has ${size} bytes, Kafka allows ${maxStringSize}`)
      reader.charge(stringCost + size)
      return reader.utf8(size)
    },
    write(writer, value) {
      if (value === null && nullable) {
        writer.length(-1, compact, true)
        return
      }
      if (typeof value !== 'string') refuse(what, nullable ? 'a string or null' : 'a string', value)
      const size = Buffer.byteLength(value)
      if (size > maxStringSize) throw new ProtocolError(`${what} has ${size} bytes, Kafka allows ${maxStringSize}`)
      writer.length(size, compact, true)
      writer.utf8(value, size)
    },
    initial: '',
    isInitial: value => value === '',
    minSize: compact ? 1 : 2,
    cost: 0,
  }
}

export function bytesType(what: string, compact: boolean, nullable: boolean): WireType {
  return {
    read(reader) {
      const size = reader.length(compact, false, nullable)
      if (size < 0) return null
      reader.charge(viewCost)
      return reader.bytes(size)
    },
    write(writer, value) {
      if (value === null && nullable) {
        writer.length(-1, compact, false)
        return
      }
      const pieces = Array.isArray(value) ? value : [value]
      let size = 0
      for (const piece of pieces) {
        if (!(piece instanceof Uint8Array)) refuse(what, nullable ? 'bytes or null' : 'bytes', piece)
        size += piece.length
      }
      writer.length(size, compact, false)
      for (const piece of pieces) writer.bytes(piece)
    },
    initial: emptyBuffer,
    isInitial: value => value instanceof Uint8Array && value.length === 0,
    minSize: compact ? 1 : 4,
    cost: 0,
  }
}

export function arrayType(what: string, compact: boolean, nullable: boolean, item: WireType): WireType {
  return {
    read(reader) {
      const count = reader.length(compact, false, nullable)
      if (count <= 0) return count < 0 ? null : emptyArray
      reader.count(count, item.minSize)
      reader.charge(arrayCost + count * (slotCost + item.cost))
      const values = new Array<unknown>(count)
      for (let i = 0; i < count; i++) values[i] = item.read(reader)
      return values
    },
    write(writer, value) {
      if (value === null && nullable) {
        writer.length(-1, compact, false)
        return
      }
      if (!Array.isArray(value)) refuse(what, nullable ? 'an array or null' : 'an array', value)
      writer.length(value.length, compact, false)
      for (let i = 0; i < value.length; i++) item.write(writer, value[i])
    },
    initial: emptyArray,
    isInitial: value => Array.isArray(value) && value.length === 0,
    minSize: compact ? 1 : 4,
    cost: 0,
  }
}

/** A struct that may be null has a byte before it: 1, or -1 for null. */
export function nullableType(type: WireType): WireType {
  return {
    read: reader => (reader.int8() < 0 ? null : type.read(reader)),
    write(writer, value) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) type.write(writer, value)
    },
    initial: type.initial,
    isInitial: type.isInitial,
    minSize: 1,
    cost: type.cost,
  }
}
