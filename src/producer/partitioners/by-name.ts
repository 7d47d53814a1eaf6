import { OptionError } from '../../base/errors.ts'
import { describe } from '../../base/option-check.ts'
import { byCrc32 } from './crc32.ts'
import { byFixedKey } from './fixed.ts'
import { byFnv1a } from './fnv1a.ts'
import { randomly, roundRobin, sticky } from './keyless.ts'
import { byMurmur2 } from './murmur2.ts'
import type { MakePartitioner, PartitionerName, PartitionerOption } from './partitioner.ts'

const named: Readonly<Record<PartitionerName, MakePartitioner>> = {
  murmur2: () => byMurmur2,
  fnv1a: byFnv1a,
  crc32: () => byCrc32,
  fixed: () => byFixedKey,
  'round-robin': roundRobin,
  random: randomly,
  sticky: () => sticky,
}

/** @throws {OptionError} when it is none */
export function resolvePartitioner(option: PartitionerOption): MakePartitioner {
  if (typeof option === 'string' && Object.hasOwn(named, option)) return named[option]
  if (typeof option === 'function') return () => ({ requiresConsistency: true, choose: option })
  if (typeof option === 'object' && option !== null && typeof option.choose === 'function') return () => option
  const names = Object.keys(named).map(describe).join(', ')
  throw new OptionError(`partitioner must be ${names}, a partitioner or a function, not ${describe(option)}`)
}
