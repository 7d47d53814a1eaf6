import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareExactly, compareSticky } from '../kafka/assignor-comparison.ts'
import { JavaAssignors } from '../kafka/java-assignors.ts'

const seed = Number(process.env.SEED ?? 1)
const groups = 200_000

test('range and round-robin give 200,000 groups what Kafka’s own give them', async t => {
  await using java = await JavaAssignors.start()
  await compareExactly(java, seed, groups)
  t.diagnostic(`${groups} groups, all alike`)
})

test('over thousands of histories sticky moves no more than Kafka’s own, and is as even', async t => {
  await using java = await JavaAssignors.start()
  for (const alike of [true, false]) {
    for (const racks of [false, true]) {
      const { moves, squares, far } = await compareSticky(java, seed, { alike, racks }, 1_000)
      const kind = `${alike ? 'equal' : 'unequal'} subscriptions${racks ? ' with racks' : ''}`
      t.diagnostic(
        `${kind}: ${moves.ours} moves, Java ${moves.java}${racks ? `; far ${far.ours}, Java ${far.java}` : ''}`,
      )
      assert.ok(moves.ours <= moves.java * 1.01)
      assert.ok(squares.ours <= squares.java * 1.01)
      assert.ok(far.ours <= far.java * 1.01)
    }
  }
})
