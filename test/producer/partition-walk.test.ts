import { test } from 'node:test'
import { PartitionWalk } from './partition-walk.ts'

test('whatever is lost, late or refused on the way, each batch is written once and in order, or was told not to be', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    try {
      new PartitionWalk(seed).run(80)
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown })
    }
  }
})
