/**
 * Writes `src/protocol/schema.ts` and `src/protocol/messages.ts` from Kafka's own message definitions, which are resources of
 * the kafka-clients jar (`common/message/*.json`).
 *
 *     node scripts/generate-protocol.ts [--check]
 *
 * With `--check` nothing is written: it fails when the files are not what the definitions say.
 * Needs Maven, which brings the jar on first use, and `unzip`. The same jar gives the same files.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FieldDefinition, MessageDefinition, StructDefinition } from '../src/protocol/definition.ts'
import { coversRange, parseRange, type Range } from '../src/protocol/version-range.ts'
import { kafkaJars } from '../test/kafka/jars.ts'

/** Kafka's format, as far as it is read here: `clients/src/main/resources/common/message/README.md` of Kafka describes it. */
interface KafkaField {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: string | number | boolean
  ignorable?: boolean
  entityType?: string
  fields?: KafkaField[]
}
interface KafkaMessage {
  name: string
  type: 'request' | 'response' | 'header' | 'data'
  apiKey?: number
  validVersions: string
  flexibleVersions?: string
  latestVersionUnstable?: boolean
  fields: KafkaField[]
  commonStructs?: { name: string; versions: string; fields: KafkaField[] }[]
}

/** The version of Kafka whose protocol Millrace speaks. */
const version = '4.1.1'
const root = fileURLToPath(new URL('..', import.meta.url))
const maxInt64 = '9223372036854775807'

/**
 * int64 fields that hold values beyond ±2^53 in earnest, besides producer ids: a timestamp that a producer chose (nanoseconds
 * by mistake are common) and sizes that a file system reports as "unlimited".
 */
const wideFields = new Set([
  'ListOffsetsRequest.Timestamp',
  'ListOffsetsResponse.Timestamp',
  'DescribeProducersResponse.LastTimestamp',
  'SnapshotHeaderRecord.LastContainedLogTimestamp',
  'DescribeLogDirsResponse.TotalBytes',
  'DescribeLogDirsResponse.UsableBytes',
])

function readMessages(jar: string): KafkaMessage[] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-protocol-'))
  try {
    execFileSync('unzip', ['-qo', jar, 'common/message/*.json', '-d', folder])
    const files = join(folder, 'common/message')
    return readdirSync(files).map(file =>
      JSON.parse(readFileSync(join(files, file), 'utf8').replace(/^\s*\/\/.*$/gm, '')),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const intersection = (a: Range, b: Range): Range => ({ min: Math.max(a.min, b.min), max: Math.min(a.max, b.max) })
const lowerFirst = (name: string) => name.charAt(0).toLowerCase() + name.slice(1)

function slimDefault(field: KafkaField): FieldDefinition['default'] {
  const value = field.default
  if (value === undefined || value === '') return undefined
  if (value === 'null') return null
  if (value === maxInt64) return value
  if (field.type === 'string') return String(value)
  if (field.type === 'bool') return String(value) === 'true'
  return Number(value)
}

function slimField(message: string, field: KafkaField): FieldDefinition {
  const initial = slimDefault(field)
  const wide =
    field.type.endsWith('int64') &&
    (field.entityType === 'producerId' || field.default === maxInt64 || wideFields.has(`${message}.${field.name}`))
  return {
    name: lowerFirst(field.name),
    type: field.type,
    versions: field.versions ?? field.taggedVersions ?? 'none',
    ...(field.nullableVersions === undefined ? {} : { nullable: field.nullableVersions }),
    ...(field.taggedVersions === undefined ? {} : { tagged: field.taggedVersions, tag: field.tag ?? 0 }),
    ...(field.flexibleVersions === undefined ? {} : { flexible: field.flexibleVersions }),
    ...(initial === undefined ? {} : { default: initial }),
    ...(field.ignorable ? { ignorable: true } : {}),
    ...(wide ? { wide: true } : {}),
    ...(field.fields === undefined ? {} : { fields: field.fields.map(inner => slimField(message, inner)) }),
  }
}

function slimMessage(message: KafkaMessage): MessageDefinition {
  const structs: StructDefinition[] = (message.commonStructs ?? []).map(struct => ({
    name: struct.name,
    fields: struct.fields.map(field => slimField(message.name, field)),
  }))
  return {
    name: message.name,
    versions: message.validVersions,
    flexible: message.flexibleVersions ?? 'none',
    fields: message.fields.map(field => slimField(message.name, field)),
    ...(structs.length === 0 ? {} : { structs }),
  }
}

// --- types ---

const scalarTypes: Record<string, string> = {
  bool: 'boolean',
  int8: 'number',
  int16: 'number',
  uint16: 'number',
  int32: 'number',
  uint32: 'number',
  int64: 'number',
  float64: 'number',
  string: 'string',
  uuid: 'string',
}

/** The interfaces of one message: its own first, then its structs in the order in which they appear. */
class TypeWriter {
  readonly #message: MessageDefinition
  /** Written by us (fields may be missing) or read by us (all are there). */
  readonly #written: boolean
  readonly #done = new Set<string>()
  readonly lines: string[] = []

  constructor(message: MessageDefinition, written: boolean) {
    this.#message = message
    this.#written = written
    const range = parseRange(message.versions)
    this.#interface(message.name, message.fields, range, `/** Versions ${message.versions.replace('-', ' to ')}. */`)
  }

  #structName(type: string): string {
    return type.startsWith(this.#message.name) ? type : this.#message.name + type
  }

  #interface(name: string, fields: readonly FieldDefinition[], range: Range, comment: string): void {
    if (this.#done.has(name)) return
    this.#done.add(name)
    if (comment !== '') this.lines.push(comment)
    if (fields.length === 0) {
      this.lines.push(`export type ${name} = Record<never, never>`, '')
      return
    }
    this.lines.push(`export interface ${name} {`)
    for (const field of fields) {
      const everywhere = coversRange(parseRange(field.versions), range)
      if (!everywhere) this.lines.push(`  /** Versions ${field.versions.replace('-', ' to ')}. */`)
      const optional = this.#written && (!everywhere || field.tag !== undefined || field.default !== undefined)
      this.lines.push(`  readonly ${field.name}${optional ? '?' : ''}: ${this.#typeOf(field)}`)
    }
    this.lines.push('}', '')
    for (const field of fields) {
      const type = field.type.replace('[]', '')
      if (type in scalarTypes || type === 'bytes' || type === 'records') continue
      const shared = this.#message.structs?.find(struct => struct.name === type)?.fields
      const inner = field.fields ?? shared ?? []
      const innerRange = shared === undefined ? intersection(range, parseRange(field.versions)) : range
      this.#interface(this.#structName(type), inner, innerRange, '')
    }
  }

  #typeOf(field: FieldDefinition): string {
    const single = field.type.replace('[]', '')
    let type = scalarTypes[single] ?? this.#structName(single)
    if (field.wide) type = 'Int64'
    if (single === 'bytes' || single === 'records') type = this.#written ? 'Uint8Array' : 'Buffer'
    if (field.type !== single) type = `readonly ${type}[]`
    return field.nullable === undefined ? type : `${type} | null`
  }
}

// --- the two files ---

function generated(jar: string): string {
  return `// Generated from ${basename(jar)} by scripts/generate-protocol.ts: do not edit.\n`
}

function schemaFile(jar: string, messages: readonly KafkaMessage[]): string {
  const requests = messages.filter(message => message.type === 'request')
  const apis = requests.map(message => {
    const { min, max } = parseRange(message.validVersions)
    const stable = message.latestVersionUnstable ? max - 1 : max
    return `  ${message.name.replace(/Request$/, '')}: [${message.apiKey}, ${min}, ${stable}],`
  })
  const definitions = messages.map(message => `  ${message.name}:\n    '${JSON.stringify(slimMessage(message))}',`)
  return [
    generated(jar),
    '/** API key, lowest version, highest stable version (below the lowest while none is stable). */',
    `export const apiTable = {\n${apis.join('\n')}\n} as const\n`,
    '/** A `MessageDefinition` in JSON for each message: parsed when the message is first used. */',
    `export const schema = {\n${definitions.join('\n')}\n}\n`,
  ].join('\n')
}

function messagesFile(jar: string, messages: readonly KafkaMessage[]): string {
  const lines = [generated(jar), "import type { Int64 } from './int64.ts'", '']
  for (const message of messages) lines.push(...new TypeWriter(slimMessage(message), message.type !== 'response').lines)
  const table = (name: string, comment: string, type: KafkaMessage['type']) => {
    const own = messages.filter(message => message.type === type)
    const key = (message: KafkaMessage) => message.name.replace(/(?:Request|Response)$/, '')
    lines.push(comment, `export interface ${name} {`)
    lines.push(...own.map(message => `  ${type === 'data' ? message.name : key(message)}: ${message.name}`), '}', '')
  }
  table(
    'Requests',
    '/** Requests by API, as they are written: a field that may be missing holds its default. */',
    'request',
  )
  table('Responses', '/** Responses by API, as they are read: every field is there. */', 'response')
  table('DataMessages', '/** Messages that travel inside of others, or in the log; as they are written. */', 'data')
  return lines.join('\n')
}

function checkNames(text: string): void {
  const names = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(match => match[1])
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  if (twice.length > 0) throw new Error(`two structs would have the same name: ${twice.join(', ')}`)
}

const jar = join(await kafkaJars(version), `kafka-clients-${version}.jar`)
const order = ['request', 'response', 'header', 'data']
const messages = readMessages(jar)
  .filter(message => message.validVersions !== 'none')
  .sort(
    (a, b) =>
      (a.apiKey ?? Infinity) - (b.apiKey ?? Infinity) ||
      order.indexOf(a.type) - order.indexOf(b.type) ||
      (a.name < b.name ? -1 : 1),
  )
const types = messagesFile(jar, messages)
checkNames(types)
for (const [name, text] of [
  ['schema.ts', schemaFile(jar, messages)],
  ['messages.ts', types],
] as const) {
  const file = join(root, 'src/protocol', name)
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is not what the definitions of Kafka ${version} say: run scripts/generate-protocol.ts`)
    process.exitCode = 1
  }
}
