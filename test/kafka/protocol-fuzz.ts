import assert from 'node:assert/strict'
import fc from 'fast-check'
import { arbitraryMessage } from '../protocol/arbitrary-message.ts'
import { type Message, type MessageVersion, messageVersions, written } from '../protocol/message-versions.ts'
import { runJava } from './java.ts'

const source = `${import.meta.dirname}/java/ProtocolEcho.java`
/** The version of Kafka whose definitions `src/protocol/schema.ts` was made from. */
const version = '4.1.1'

export async function protocolEcho(args: readonly string[], input = ''): Promise<string[]> {
  const { code, stdout, stderr } = await runJava('ProtocolEcho', args, { version, sources: [source], input })
  assert.equal(code, 0, stderr)
  return stdout.trimEnd().split('\n')
}

interface Sample extends MessageVersion {
  readonly value: Message
  readonly hex: string
}

/** Sends random values of every message in every version, `rounds` of each, through Kafka's own classes. Answers how many. */
export async function fuzzAgainstKafka(seed: number, rounds: number): Promise<number> {
  const samples = messageVersions.flatMap(each =>
    fc.sample(arbitraryMessage(each, { anyInt64: true }), { seed, numRuns: rounds }).map((value): Sample => {
      return { ...each, value, hex: written(each.codec, value).toString('hex') }
    }),
  )
  const answers = await protocolEcho([], samples.map(line).join(''))
  assert.equal(answers.length, samples.length)
  for (const [i, sample] of samples.entries()) compare(sample, answers[i] as string)
  return samples.length
}

function line({ name, version, hex }: Sample): string {
  const className = /(?:Request|Response|Header)$/.test(name) ? `${name}Data` : name
  return `${className} ${version} ${hex}\n`
}

function compare({ name, version, value, hex }: Sample, answer: string): void {
  const where = `${name} v${version}`
  const space = answer.indexOf(' ')
  assert.equal(answer.slice(0, space), hex, `${where}: ${answer}`)
  // Kafka's JSON leaves out tagged fields that hold their default.
  assert.partialDeepStrictEqual(asJson(value), JSON.parse(answer.slice(space + 1), exactly), where)
}

/** A value as Kafka shows it in JSON: bytes in base64, and of records only their size. */
function asJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, each]) =>
    /^(?:unalignedR|r)ecords$/.test(name) && each instanceof Uint8Array
      ? [`${name}SizeInBytes`, each.length]
      : [name, asJson(each)],
  )
  return Object.fromEntries(fields)
}

/** JSON.parse rounds integers that a number cannot hold. */
function exactly(_: string, value: unknown, { source = '' }: { source?: string } = {}): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value
}
