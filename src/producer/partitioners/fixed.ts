import { MillraceError } from '../../base/errors.ts'
import { byHash, type Partitioner } from './partitioner.ts'

/**
 * Go Kafka Client's fixed partitioner: the key begins with the number of the partition, an int32 in little-endian order, modulo the
 * partitions there are. A key that is missing, shorter than four bytes or negative fails its message with `BAD_KEY`.
 */
export const byFixedKey: Partitioner = {
  requiresConsistency: true,
  choose: ({ topic, rawKey }, partitions) => {
    const wrong = (what: string) =>
      new MillraceError(
        'BAD_KEY',
        `The partitioner 'fixed' reads a partition from the key's first 4 bytes, and ${what}`,
        {
          topic,
        },
      )
    if (rawKey === null) throw wrong('this message has no key')
    if (rawKey.length < 4) throw wrong(`this key has ${rawKey.length}`)
    const number = new DataView(rawKey.buffer, rawKey.byteOffset, 4).getInt32(0, true)
    if (number < 0) throw wrong(`these are ${number}`)
    return byHash(number, partitions)
  },
}
