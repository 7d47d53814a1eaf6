import { InvalidArgumentError } from 'commander'

const letters: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '0': 0, '\\': 92 }

/** For errors. */
export const knownEscapes = '\\n \\r \\t \\0 \\\\ \\xHH'

/** The byte that an escape at this backslash stands for, and how many characters it takes; null: it is not known. */
export function readEscape(text: string, at: number): { readonly byte: number; readonly length: number } | null {
  const name = text.slice(at + 1, at + 2)
  const hex = name === 'x' ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 2))?.[0] : undefined
  if (hex !== undefined) return { byte: Number.parseInt(hex, 16), length: 4 }
  const byte = Object.hasOwn(letters, name) ? letters[name] : undefined
  return byte === undefined ? null : { byte, length: 2 }
}

/** A text with escapes, as bytes: what stands between lines, or between key and value. */
export function parseDelimiter(text: string): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < text.length; ) {
    const plain = /^[^\\]+/.exec(text.slice(at))?.[0]
    if (plain !== undefined) {
      parts.push(Buffer.from(plain))
      at += plain.length
      continue
    }
    const found = readEscape(text, at)
    if (found === null) throw new InvalidArgumentError(`A backslash begins one of ${knownEscapes}.`)
    parts.push(Buffer.of(found.byte))
    at += found.length
  }
  if (parts.length === 0) throw new InvalidArgumentError('It must not be empty.')
  return Buffer.concat(parts)
}
