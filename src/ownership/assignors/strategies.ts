import { OptionError } from '../../base/errors.ts'
import { describe } from '../../base/option-check.ts'
import type { Assignor } from './assignor.ts'
import { cooperativeSticky } from './cooperative-sticky.ts'
import { range } from './range.ts'
import { roundRobin } from './round-robin.ts'
import { sticky } from './sticky.ts'

const byName = {
  range,
  'round-robin': roundRobin,
  sticky,
  'cooperative-sticky': cooperativeSticky,
} as const

export type StrategyName = keyof typeof byName

/**
 * How the partitions of a group are divided: one of Kafka's by name (on the wire they have the names of Java's), one of your own, or just
 * its `assign`: a named function, whose members give up all they own before each assignment.
 */
export type Strategy = StrategyName | Assignor | Assignor['assign']

/** @throws {OptionError} that names the first wrong one */
export function assignorsOf(strategies: unknown): readonly Assignor[] {
  if (!Array.isArray(strategies) || strategies.length === 0) throw wrong(strategies)
  const assignors = strategies.map(assignorOf)
  const names = new Set(assignors.map(({ name }) => name))
  if (names.size === assignors.length) return assignors
  throw new OptionError('ownership.strategies holds two of one name')
}

function assignorOf(strategy: unknown): Assignor {
  if (typeof strategy === 'function') {
    if (strategy.name === '') throw new OptionError('a strategy that is a function needs a name: members agree by it')
    return { name: strategy.name, protocol: 'eager', assign: strategy as Assignor['assign'] }
  }
  if (typeof strategy === 'string' && Object.hasOwn(byName, strategy)) return byName[strategy as StrategyName]
  if (!isAssignor(strategy)) throw wrong(strategy)
  return strategy
}

function isAssignor(value: unknown): value is Assignor {
  if (typeof value !== 'object' || value === null) return false
  const { name, protocol, assign } = value as Partial<Assignor>
  return (
    typeof name === 'string' &&
    name !== '' &&
    (protocol === 'eager' || protocol === 'cooperative') &&
    typeof assign === 'function'
  )
}

function wrong(value: unknown): OptionError {
  const names = Object.keys(byName).map(describe).join(', ')
  return new OptionError(
    `ownership.strategies must be a list of ${names}, named functions, or { name, protocol, assign }, not ${describe(value)}`,
  )
}
