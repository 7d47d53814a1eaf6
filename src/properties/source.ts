import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import { Entry } from './entry.ts'
import { parseProperties } from './properties.ts'

/** Path of a `.properties` file, or what is in one. */
export type PropertySource = string | URL | Readonly<Record<string, string | number | boolean>>

/** What a source holds, in its order. */
export function entriesIn(source: PropertySource): Entry[] {
  return typeof source === 'string' || source instanceof URL ? fromFile(source) : fromObject(source)
}

function fromFile(source: string | URL): Entry[] {
  const path = source instanceof URL ? fileURLToPath(source) : source
  const name = basename(path)
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (thrown) {
    throw new OptionError(`The properties cannot be read: ${toError(thrown).message}`)
  }
  // Java reads and writes Latin-1.
  const text = isUtf8(bytes) ? bytes.toString().replace(/^\uFEFF/, '') : bytes.toString('latin1')
  try {
    return parseProperties(text).map(({ key, value, line }) => {
      return new Entry(key, value, { place: `${name}, line ${line}`, line })
    })
  } catch (thrown) {
    if (thrown instanceof OptionError) throw new OptionError(`${name}, ${thrown.message}`)
    throw thrown
  }
}

function fromObject(source: unknown): Entry[] {
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw new OptionError(
      `properties are the path of a file, or an object such as { 'client.id': 'shop' }, not ${describe(source)}`,
    )
  }
  return Object.entries(source).map(([key, value]) => {
    const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    // What it is instead is not shown: it may be a password.
    if (!plain) throw new OptionError(`${key} must be a string, a number or a boolean`)
    return new Entry(key, String(value))
  })
}
