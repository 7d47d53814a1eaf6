import { InvalidArgumentError } from 'commander'
import type { Message } from '../records/message.ts'
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

const printers: Readonly<Record<string, Format>> = {
  s: (message, lines) => lines.append(message.rawValue),
  S: (message, lines) => lines.appendText(String(lengthOf(message.rawValue))),
  R: (message, lines) => lines.appendInt32(lengthOf(message.rawValue)),
  k: (message, lines) => lines.append(message.rawKey),
  K: (message, lines) => lines.appendText(String(lengthOf(message.rawKey))),
  T: (message, lines) => lines.appendText(String(message.timestamp)),
  h: appendHeaders,
  t: (message, lines) => lines.appendText(message.topic),
  p: (message, lines) => lines.appendText(String(message.partition)),
  o: (message, lines) => lines.appendText(String(message.offset)),
}

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '0': 0, '\\': 92 }

/** One JSON object and a line break per message. */
export const jsonFormat: Format = (message, lines) => lines.appendText(`${JSON.stringify(message)}\n`)

/**
 * Compiles a format with kcat's letters, `%%`, and `\n \r \t \0 \\ \xHH`. Keys, values and header values are printed byte by byte; null
 * prints nothing, and `NULL` as a header's value.
 *
 * @throws {InvalidArgumentError} that names what is not known, and where
 */
export function compileFormat(text: string): Format {
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
    printed.push(format)
  }
  endLiteral()
  return (message, lines) => {
    for (const format of printed) format(message, lines)
  }
}

/** A letter or an escape: what it stands for and how many characters it takes. */
function readSign(text: string, at: number): { format: Format | null; byte: number | null; length: number } {
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
  const hex = name === 'x' ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 2))?.[0] : undefined
  if (hex !== undefined) return { format: null, byte: Number.parseInt(hex, 16), length: 4 }
  const byte = Object.hasOwn(escapes, name) ? escapes[name] : undefined
  if (byte === undefined) throw unknown(sign, at, '\\n \\r \\t \\0 \\\\ \\xHH')
  return { format: null, byte, length: 2 }
}

function unknown(sign: string, at: number, known: string): InvalidArgumentError {
  return new InvalidArgumentError(`"${sign}" at character ${at + 1} is not known; known are ${known}.`)
}

function lengthOf(bytes: Buffer | null): number {
  return bytes === null ? -1 : bytes.length
}

function appendHeaders({ headers }: Message, lines: Lines): void {
  let separator = ''
  for (const [name, value] of headers.raw) {
    lines.appendText(`${separator}${name}=`)
    if (value === null) lines.appendText('NULL')
    else lines.append(value)
    separator = ','
  }
}
