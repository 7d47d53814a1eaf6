import assert from 'node:assert/strict'
import type { Random } from '../../src/base/random.ts'
import { ProtocolError } from '../../src/protocol/protocol-error.ts'
import { Reader } from '../../src/protocol/reader.ts'
import type { MessageVersion } from './message-versions.ts'

/** Values that lengths, counts and tags go wrong with. */
const nasty = [
  'ff',
  '00',
  '7f',
  '80',
  'ffffffff',
  '7fffffff',
  '80000000',
  'ffffffff0f',
  'ffffffffff',
  '8080808080',
  '7fff',
  '8000',
].map(hex => Buffer.from(hex, 'hex'))

const below = (random: Random, limit: number) => Math.floor(random() * limit)

/** A copy with one to four changes: a byte, a bit, something nasty, a piece taken out, doubled or appended. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let result = Buffer.from(bytes)
  for (let changes = 1 + below(random, 4); changes > 0; changes--) {
    const at = below(random, result.length)
    const to = at + below(random, Math.min(20, result.length - at) + 1)
    const piece = nasty[below(random, nasty.length)] as Buffer
    const kind = below(random, 6)
    if (kind === 0 && at < result.length) result[at] = below(random, 256)
    else if (kind === 1 && at < result.length) result[at] = (result[at] as number) ^ (1 << below(random, 8))
    else if (kind === 2) piece.copy(result, at)
    else if (kind === 3) result = Buffer.concat([result.subarray(0, at), result.subarray(to)])
    else if (kind === 4) result = Buffer.concat([result.subarray(0, to), result.subarray(at)])
    else result = Buffer.concat([result.subarray(0, at), piece, result.subarray(at)])
  }
  return result
}

export function garbage(size: number, random: Random): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = below(random, 256)
  return bytes
}

/** Decodes: nothing but a value or a `ProtocolError` may come of it. Answers whether it was a value. */
export function survives({ name, version, codec }: MessageVersion, bytes: Buffer): boolean {
  try {
    codec.decode(new Reader(bytes))
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    assert.fail(`${name} v${version}: ${String(error)} from ${bytes.toString('hex')}`)
  }
}
