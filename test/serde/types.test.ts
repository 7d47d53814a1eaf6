// What a route infers from its serdes. The checks are made by the compiler: a wrong type fails the type check of the project.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Headers } from '../../src/records/headers.ts'
import { json } from '../../src/serde/json.ts'
import { bytes, int32, string } from '../../src/serde/primitives.ts'
import type { Deserializer, Serde, SerdeHeaders, Serializer } from '../../src/serde/serde.ts'
import type { StandardSchema } from '../../src/serde/standard-schema.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Fits<A, B> = A extends B ? true : false

interface Order {
  id: string
  at: Date
}
interface OrderText {
  id: string
  at: string
}

declare const plainSchema: StandardSchemaV1<Order>
declare const dateSchema: StandardSchemaV1<OrderText, Order>

interface Message<K, V> {
  readonly key: K
  readonly value: V
}

/** As a consumer's route takes its serdes. */
declare function route<K = Buffer | null, V = Buffer | null>(
  options: { key?: Deserializer<K>; value?: Deserializer<V> },
  handler: (message: Message<K, V>) => void,
): Message<K, V>
declare function send<V>(serializer: Serializer<V>): (value: V) => void

// Never called: only its types count.
function inferred() {
  const none = route({}, () => {})
  const both = route({ key: string, value: json(plainSchema) }, () => {})
  const converted = route({ value: json(dateSchema) }, message => void message.value.at.getTime())
  const any = route({ key: int32, value: json() }, () => {})
  const later = route({ value: { deserialize: async (raw: Buffer | null) => raw?.length ?? 0 } }, () => {})
  const sendOrder = send(json(dateSchema))
  const sendBytes = send(bytes)
  return { none, both, converted, any, later, sendOrder, sendBytes }
}
type Inferred = ReturnType<typeof inferred>

const checks: [
  Same<Inferred['none'], Message<Buffer | null, Buffer | null>>,
  Same<Inferred['both'], Message<string | null, Order>>,
  Same<Inferred['converted'], Message<Buffer | null, Order>>,
  Same<Inferred['any'], Message<number | null, unknown>>,
  Same<Inferred['later'], Message<Buffer | null, number>>,
  Same<Inferred['sendOrder'], (value: OrderText) => void>,
  Same<Inferred['sendBytes'], (value: Uint8Array | null) => void>,
  Fits<StandardSchemaV1<OrderText, Order>, StandardSchema<OrderText, Order>>,
  Fits<Headers, SerdeHeaders>,
] = [true, true, true, true, true, true, true, true, true]

const refused: [
  Fits<Serde<Order>, Deserializer<string>>,
  Fits<Serde<string | null>, Deserializer<string>>,
  Fits<{ parse(text: string): Order }, StandardSchema>,
  Fits<{ deserialize(bytes: string): Order }, Deserializer<Order>>,
] = [false, false, false, false]

test('a route infers the types of key and value from its serdes', () => {
  assert(checks.every(check => check))
  assert(refused.every(check => !check))
  assert.equal(typeof inferred, 'function')
})
