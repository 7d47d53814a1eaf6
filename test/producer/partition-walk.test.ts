import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartitionWalk } from './partition-walk.ts'
import { bugsOfQueues } from './planted-bugs.ts'

test('whatever is lost, late or refused on the way, each batch is written once and in order, or was told not to be', () => {
  walk(2_000)
})

for (const { name, found, install } of bugsOfQueues) {
  test(`steps of a queue find that ${name}`, () => {
    const undo = install()
    try {
      assert.throws(
        () => walk(500),
        ({ cause }: Error) => found.test(String(cause)),
      )
    } finally {
      undo()
    }
  })
}

function walk(seeds: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      new PartitionWalk(seed).run(80)
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause })
    }
  }
}
