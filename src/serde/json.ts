import { issuePaths, SerdeError } from './error.ts'
import { decodeText } from './primitives.ts'
import type { Serde, SerdeInfo } from './serde.ts'
import type { SchemaInput, SchemaOutput, SchemaResult, StandardSchema } from './standard-schema.ts'

/**
 * JSON in UTF-8 (RFC 8259; no byte order mark). `\uD800`-like escapes of half a surrogate pair are valid JSON, so they are read, and
 * written the same way. Integers beyond 2^53 lose precision, as everywhere in JavaScript.
 *
 * With a schema (any Standard Schema: Zod, Valibot, ArkType, …) what was read is validated, at once or asynchronously, and its output
 * is the value. The schema judges null too, so that a topic with tombstones has a nullable one. Without a schema null is null. What a
 * validator throws instead of answering is passed on as it is.
 *
 * What is written is held to the schema's input type and is not validated. Null is written as null (a tombstone), not as the text `null`.
 */
export function json(): Serde<unknown>
export function json<S extends StandardSchema>(schema: S): Serde<SchemaOutput<S>, SchemaInput<S>>
export function json(schema?: StandardSchema): Serde<unknown> {
  if (schema === undefined) return { deserialize: parse, serialize }
  const standard = schema['~standard']
  return {
    deserialize: (bytes, info) => {
      const result = standard.validate(parse(bytes, info))
      return 'then' in result ? result.then(result => judged(result, info)) : judged(result, info)
    },
    serialize,
  }
}

function parse(bytes: Buffer | null, info: SerdeInfo): unknown {
  if (bytes === null) return null
  const text = decodeText(bytes, info)
  try {
    return JSON.parse(text)
  } catch (thrown) {
    // The engine's own error quotes the text, so it is not passed on, not even as the cause.
    throw new SerdeError('DECODE', `it is not JSON${place((thrown as SyntaxError).message)}`, info)
  }
}

/** As far as the engine tells where parsing failed. Its numbers are taken from the end only: what comes before may be payload. */
function place(message: string): string {
  if (message === 'Unexpected end of JSON input') return ', or only the beginning of it'
  const position = / in JSON at position (\d+) \(line \d+ column \d+\)$/.exec(message)?.[1]
  return position === undefined ? '' : ` (at character ${position})`
}

function serialize(value: unknown, info: SerdeInfo): Buffer | null {
  if (value === null) return null
  const text = stringify(value, info)
  if (text === undefined) throw new SerdeError('ENCODE', `JSON has no ${typeof value}`, info)
  return Buffer.from(text)
}

function stringify(value: unknown, info: SerdeInfo): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    throw new SerdeError('ENCODE', 'it holds a circular reference, a BigInt, or a toJSON that throws', info)
  }
}

function judged<T>(result: SchemaResult<T>, info: SerdeInfo): T {
  if (!result.issues) return result.value
  throw new SerdeError('DECODE', `it does not match its schema at ${issuePaths(result.issues)}`, info, result.issues)
}
