import { InvalidArgumentError } from 'commander'
import type { Message } from '../records/message.ts'
import { knownEscapes, readEscape } from './escapes.ts'
import type { Lines } from './lines.ts'

/** Appends a message to the output. */
export type Format = (message: Message, lines: Lines) => void

/** What each letter prints, for the help. They are kcat's. */
export const letters: Readonly<Record<string, string>> = {
  s: 'value',
  S: 'bytes of the value, -1 for null',
  R: 'the same as a big-endian int32',
  k: 'key',
  K: 'bytes of the key, -1 for null',
  T: 'timestamp, milliseconds since 1970',
  h: 'headers, name=value,…',
  t: 'topic',
  p: 'partition',
  o: 'offset',
}

/** `nulls` is what null prints. */
const printers: Readonly<Record<string, (nulls: Buffer | null) => Format>> = {
  s: nulls => (message, lines) => lines.append(message.rawValue ?? nulls),
  S: () => (message, lines) => lines.appendText(String(lengthOf(message.rawValue))),
  R: () => (message, lines) => lines.appendInt32(lengthOf(message.rawValue)),
  k: nulls => (message, lines) => lines.append(message.rawKey ?? nulls),
  K: () => (message, lines) => lines.appendText(String(lengthOf(message.rawKey))),
  T: () => (message, lines) => lines.appendText(String(message.timestamp)),
  h: nulls => (message, lines) => appendHeaders(message, lines, nulls ?? nullHeader),
  t: () => (message, lines) => lines.appendText(message.topic),
  p: () => (message, lines) => lines.appendText(String(message.partition)),
  o: () => (message, lines) => lines.appendText(String(message.offset)),
}
const nullHeader = Buffer.from('NULL')

/** One JSON object and a line break per message. */
export const jsonFormat: Format = (message, lines) => lines.appendText(`${JSON.stringify(message)}\n`)

/**
 * Compiles a format with kcat's letters, `%%`, and `\n \r \t \0 \\ \xHH`. Keys, values and header values are printed byte by byte; null
 * prints `nulls`: by default nothing, and `NULL` as a header's value.
 *
 * @throws {InvalidArgumentError} that names what is not known, and where
 */
export function compileFormat(text: string, nulls: Buffer | null = null): Format {
  const printed: Format[] = []
  let literal: Buffer[] = []
  const endLiteral = () => {
    if (literal.length === 0) return
    const bytes = Buffer.concat(literal)
    printed.push((_, lines) => lines.append(bytes))
    literal = []
  }
  for (let at = 0; at < text.length; ) {
    const plain = /[^%\\]*/y
    plain.lastIndex = at
    const found = plain.exec(text)?.[0] ?? ''
    if (found !== '') {
      literal.push(Buffer.from(found))
      at += found.length
      continue
    }
    const { format, byte, length } = readSign(text, at)
    at += length
    if (byte !== null) literal.push(Buffer.of(byte))
    if (format === null) continue
    endLiteral()
    printed.push(format(nulls))
  }
  endLiteral()
  return (message, lines) => {
    for (const format of printed) format(message, lines)
  }
}

interface Sign {
  readonly format: ((nulls: Buffer | null) => Format) | null
  readonly byte: number | null
  readonly length: number
}

/** A letter or an escape: what it stands for and how many characters it takes. */
function readSign(text: string, at: number): Sign {
  const sign = text.slice(at, at + 2)
  const name = sign.slice(1)
  if (sign === '%%') return { format: null, byte: 37, length: 2 }
  if (sign.startsWith('%')) {
    const format = Object.hasOwn(printers, name) ? printers[name] : undefined
    if (format === undefined)
      throw unknown(
        sign,
        at,
        `%% and ${Object.keys(printers)
          .map(letter => `%${letter}`)
          .join(' ')}`,
      )
    return { format, byte: null, length: 2 }
  }
  const found = readEscape(text, at)
  if (found === null) throw unknown(sign, at, knownEscapes)
  return { format: null, ...found }
}

/** The same text, once it is known to be a format. */
export function parseFormat(text: string): string {
  compileFormat(text)
  return text
}

function unknown(sign: string, at: number, known: string): InvalidArgumentError {
  return new InvalidArgumentError(`"${sign}" at character ${at + 1} is not known; known are ${known}.`)
}

function lengthOf(bytes: Buffer | null): number {
  return bytes === null ? -1 : bytes.length
}

function appendHeaders({ headers }: Message, lines: Lines, nulls: Buffer): void {
  let separator = ''
  for (const [name, value] of headers.raw) {
    lines.appendText(`${separator}${name}=`)
    lines.append(value ?? nulls)
    separator = ','
  }
}
