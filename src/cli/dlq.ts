import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { headersBefore } from '../consumer/failure-headers.ts'
import type { DeadLetter } from './dead-letter.ts'
import { type DeadLetterOptions, DeadLetterReader } from './dead-letter-reader.ts'
import { CommandError, exitCodes } from './failure.ts'
import { Output, writeText } from './output.ts'
import { plural } from './plural.ts'
import { printable } from './printable.ts'
import { Progress } from './progress.ts'
import { table } from './table.ts'

export interface ListDeadLettersOptions extends DeadLetterOptions {
  readonly summary?: boolean
  readonly json?: boolean
}

/** Of letters that came from one topic and failed in the same way. */
interface Kind {
  readonly origin: string | null
  readonly reason: string | null
  readonly error: string | null
  letters: number
  first: string | null
  last: string | null
}

/** `millrace dlq list`: a line for each letter, or with `--summary` one for each kind of them. */
export async function listDeadLetters(topic: string, options: ListDeadLettersOptions): Promise<void> {
  const kinds = new Map<string, Kind>()
  let broken: Error | null = null
  const output = new Output(process.stdout, error => {
    broken = error
  })
  const reader = await DeadLetterReader.open(topic, options, async (letter, context) => {
    if (options.summary) count(kinds, letter)
    else {
      const line = options.json ? JSON.stringify(objectOf(letter)) : lineOf(letter)
      await output.write(
        lines => lines.appendText(`${line}\n`),
        () => context.signal,
      )
    }
    if (broken !== null) throw broken
  })
  await readAll(reader, options.max !== undefined || !process.stdout.isTTY || options.summary === true)
  if (!options.summary) return
  const sorted = [...kinds.values()].sort((a, b) => b.letters - a.letters)
  if (options.json) await writeText(sorted.map(kind => `${JSON.stringify(kind)}\n`).join(''))
  else await writeText(summary(sorted))
}

/** `millrace dlq show`: one letter with all that it has. */
export async function showDeadLetter(
  { topic, partition, offset }: TopicPartition & { readonly offset: number },
  options: Omit<DeadLetterOptions, 'from'> & { readonly json?: boolean },
): Promise<void> {
  let shown: DeadLetter | null = null
  const place = { partition: [partition], from: { offset }, untilEnd: true, max: 1 }
  try {
    const reader = await DeadLetterReader.open(topic, { ...options, ...place }, letter => {
      // Where there is none at this offset the next one comes.
      if (letter.message.offset === offset) shown = letter
    })
    await readAll(reader, false)
  } catch (thrown) {
    if (!(thrown instanceof CommandError && thrown.code === 'OFFSET_OUT_OF_RANGE')) throw thrown
  }
  const found = shown as DeadLetter | null
  if (found === null) {
    const place = partitionName(topic, partition)
    const text = `${place} has no message at offset ${offset}: it is not written yet, was removed, or is no message. "millrace dlq list" lists those that there are`
    throw new CommandError(exitCodes.unknown, 'NO_MESSAGE', text)
  }
  await writeText(options.json ? `${JSON.stringify(objectOf(found))}\n` : described(found))
}

/** @throws {CommandError} when it is interrupted */
export async function readAll(reader: DeadLetterReader, tells: boolean): Promise<void> {
  const progress = tells ? new Progress(() => plural(reader.visited, 'letter')) : null
  try {
    if (await reader.run()) return
  } finally {
    progress?.end()
  }
  throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted after ${plural(reader.visited, 'letter')}`)
}

/** `orders[3] offset 17`. */
export function placeOf({ message: { topic, partition, offset } }: DeadLetter): string {
  return `${partitionName(topic, partition)} offset ${offset}`
}

function originOf({ origin }: DeadLetter): string {
  if (origin === null) return '-'
  const { topic, partition, offset } = origin
  return partition === null ? topic : `${partitionName(topic, partition)} offset ${offset ?? '?'}`
}

function lineOf(letter: DeadLetter): string {
  const { message, attempts, reason, error, failedAt } = letter
  const cells = [
    `${message.partition}:${message.offset}`,
    failedAt ?? new Date(message.timestamp).toISOString(),
    originOf(letter),
    attempts === null ? '-' : plural(attempts, 'attempt'),
    reason ?? '-',
    error ?? '-',
  ]
  return printable(cells.join('  '))
}

function objectOf(letter: DeadLetter): object {
  const { message, ...rest } = letter
  return { ...message.toJSON(), ...rest }
}

function count(kinds: Map<string, Kind>, { origin, reason, error, failedAt }: DeadLetter): void {
  // Messages of errors often name what failed: the class tells the kind.
  const [kind = null] = error?.split(':') ?? []
  const key = JSON.stringify([origin?.topic, reason, kind])
  const known = kinds.get(key)
  if (known === undefined) {
    const from = origin?.topic ?? null
    kinds.set(key, { origin: from, reason, error: kind, letters: 1, first: failedAt, last: failedAt })
    return
  }
  known.letters++
  if (failedAt !== null && (known.first === null || failedAt < known.first)) known.first = failedAt
  if (failedAt !== null && (known.last === null || failedAt > known.last)) known.last = failedAt
}

function summary(kinds: readonly Kind[]): string {
  const rows = kinds.map(({ origin, reason, error, letters, first, last }) => {
    return [origin ?? '-', reason ?? '-', error ?? '-', letters, first ?? '-', last ?? '-']
  })
  return table([['ORIGIN', 'REASON', 'ERROR', 'LETTERS', 'FIRST', 'LAST'], ...rows])
}

function described(letter: DeadLetter): string {
  const { message, group, attempts, reason, error, failedAt } = letter
  const facts: [string, string | number | null][] = [
    ['letter', placeOf(letter)],
    ['origin', originOf(letter)],
    ['group', group],
    ['attempts', attempts],
    ['reason', reason],
    ['error', error],
    ['failed at', failedAt],
    ['timestamp', message.timestamp < 0 ? null : new Date(message.timestamp).toISOString()],
    ['key', text(message.rawKey)],
    ...headersBefore(message).map(([name, value]): [string, string] => [`header ${name}`, text(value) ?? 'null']),
    ['value', text(message.rawValue)],
  ]
  return facts.map(([name, value]) => `${printable(`${name}: ${value ?? 'null'}`)}\n`).join('')
}

/** As text where it is some. */
function text(bytes: Buffer | null): string | null {
  if (bytes === null) return null
  const decoded = bytes.toString()
  return Buffer.from(decoded).equals(bytes) ? decoded : `base64 ${bytes.toString('base64')}`
}
