import fc from 'fast-check'
import { definition, type FieldDefinition, type MessageDefinition } from '../../src/protocol/definition.ts'
import { inRange, parseRange } from '../../src/protocol/version-range.ts'
import type { Message, MessageVersion } from './message-versions.ts'

/**
 * Values of a message in one version: each field that the version has, tagged ones also left out. With `anyInt64` every int64 takes all 64
 * bits (bigints beyond ±2^53), else only those that are typed so.
 */
export function arbitraryMessage(
  { name, version }: MessageVersion,
  options: { anyInt64?: boolean } = {},
): fc.Arbitrary<Message> {
  return new Arbitraries(definition(name), version, options.anyInt64 ?? false).message
}

function bits(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(0, 1, min, max), fc.integer({ min, max }))
}

const wideInt64 = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map(value => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
const bytes = (size: number) => fc.uint8Array({ maxLength: size }).map(array => Buffer.from(array))

const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int8: bits(-0x80, 0x7f),
  int16: bits(-0x8000, 0x7fff),
  uint16: bits(0, 0xffff),
  int32: bits(-0x8000_0000, 0x7fff_ffff),
  uint32: bits(0, 0xffff_ffff),
  int64: fc.oneof(fc.constantFrom(0, -1, 1), fc.maxSafeInteger()),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(array => Buffer.from(array).toString('base64url')),
  string: fc.oneof(
    { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    // Lengths that take two bytes as a variable-length integer.
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(126), 'y'.repeat(127), 'ü'.repeat(150)) },
  ),
  bytes: bytes(40),
  records: bytes(200),
}

class Arbitraries {
  readonly message: fc.Arbitrary<Message>
  readonly #version: number
  readonly #anyInt64: boolean
  readonly #structs = new Map<string, readonly FieldDefinition[]>()

  constructor(message: MessageDefinition, version: number, anyInt64: boolean) {
    this.#version = version
    this.#anyInt64 = anyInt64
    for (const struct of message.structs ?? []) this.#collect(struct.name, struct.fields)
    this.#collect(message.name, message.fields)
    this.message = this.#struct(message.fields)
  }

  #collect(name: string, fields: readonly FieldDefinition[]): void {
    this.#structs.set(name, fields)
    for (const field of fields)
      if (field.fields !== undefined) this.#collect(field.type.replace('[]', ''), field.fields)
  }

  #has(versions: string | undefined): boolean {
    return inRange(this.#version, parseRange(versions))
  }

  #struct(fields: readonly FieldDefinition[]): fc.Arbitrary<Message> {
    const present = fields.filter(field => this.#has(field.versions) || this.#has(field.tagged))
    const model = Object.fromEntries(present.map(field => [field.name, this.#field(field)]))
    const requiredKeys = present.filter(field => !this.#has(field.tagged)).map(field => field.name)
    return fc.record(model, { requiredKeys, noNullPrototype: true })
  }

  #field(field: FieldDefinition): fc.Arbitrary<unknown> {
    const type = this.#type(field.type, field)
    return this.#has(field.nullable) ? fc.option(type, { freq: 3 }) : type
  }

  #type(name: string, field: FieldDefinition): fc.Arbitrary<unknown> {
    if (name.startsWith('[]')) return fc.array(this.#type(name.slice(2), field), { maxLength: 3 })
    if (name === 'int64' && (this.#anyInt64 || field.wide)) return wideInt64
    return scalars[name] ?? this.#struct(this.#structs.get(name) ?? [])
  }
}
