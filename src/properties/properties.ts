import { OptionError } from '../base/errors.ts'

/** One entry of a `.properties` file. */
export interface Property {
  readonly key: string
  readonly value: string
  /** Where it begins, the first line being 1. */
  readonly line: number
}

interface LogicalLine {
  readonly text: string
  readonly line: number
}

const whitespace = new Set([' ', '\t', '\f'])
const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

/**
 * Reads the text of a `.properties` file as `java.util.Properties` does: `#` and `!` begin comments; `=`, `:` or white space ends the key;
 * a backslash at the end of a line goes on with the next one, elsewhere it escapes (`\t`, `\n`, `\r`, `\f`, `\uXXXX`). An entry that is
 * there twice is answered twice, in order.
 *
 * @throws {OptionError} for a `\u` without four hexadecimal digits; the message names the line
 */
export function parseProperties(text: string): Property[] {
  return logicalLines(text).map(property)
}

/** Lines with what continues them, without comments and blank ones. */
function logicalLines(text: string): LogicalLine[] {
  const found: LogicalLine[] = []
  let begun: LogicalLine | null = null
  for (const [index, natural] of text.split(/\r\n|\r|\n/).entries()) {
    const content = natural.replace(/^[ \t\f]+/, '')
    const before: string = begun?.text ?? ''
    // What a lone backslash goes on with begins anew.
    if (before === '' && (content === '' || content.startsWith('#') || content.startsWith('!'))) {
      begun = null
      continue
    }
    const continues = /(?<!\\)(?:\\\\)*\\$/.test(content)
    const whole: LogicalLine = {
      text: before + (continues ? content.slice(0, -1) : content),
      line: begun === null || before === '' ? index + 1 : begun.line,
    }
    begun = continues ? whole : null
    if (!continues && whole.text !== '') found.push(whole)
  }
  if (begun !== null && begun.text !== '') found.push(begun)
  return found
}

function property({ text, line }: LogicalLine): Property {
  let end = 0
  while (end < text.length && !isSeparator(text[end] as string)) end += text[end] === '\\' ? 2 : 1
  let start = end
  while (whitespace.has(text[start] ?? '')) start++
  if (text[start] === '=' || text[start] === ':') start++
  while (whitespace.has(text[start] ?? '')) start++
  return { key: unescaped(text.slice(0, end), line), value: unescaped(text.slice(start), line), line }
}

function isSeparator(character: string): boolean {
  return character === '=' || character === ':' || whitespace.has(character)
}

function unescaped(text: string, line: number): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\s\S]?))/g, (_, hex: string | undefined, character: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (character === 'u') throw new OptionError(`line ${line}: \\u must be followed by four hexadecimal digits`)
    return escapes[character] ?? character
  })
}
