import assert from 'node:assert/strict'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { Assignment } from '../../src/ownership/assignors/assignor.ts'
import { range } from '../../src/ownership/assignors/range.ts'
import { roundRobin } from '../../src/ownership/assignors/round-robin.ts'
import { sticky } from '../../src/ownership/assignors/sticky.ts'
import { anyGroup, farAway, moves, unevenPartition } from '../ownership/groups.ts'
import { History, type HistoryKind } from '../ownership/history.ts'
import type { JavaAssignors } from './java-assignors.ts'

const batch = 2_000

/** `range` and `roundrobin` give the same as Kafka's, for this many random groups each. */
export async function compareExactly(java: JavaAssignors, seed: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += batch) {
    const groups = fc.sample(anyGroup, { seed: (seed + done) | 0, numRuns: Math.min(batch, count - done) })
    for (const assignor of [range, roundRobin]) {
      const theirs = await java.assign(assignor, groups)
      for (const [i, { members, topics }] of groups.entries()) {
        const context = () => `${assignor.name}: ${JSON.stringify({ members, topics: [...topics] })}`
        const ours = sorted(assignor.assign(members, topics))
        const expected = sorted(theirs[i] ?? new Map())
        if (JSON.stringify(ours) !== JSON.stringify(expected)) assert.deepEqual(ours, expected, context())
      }
    }
  }
}

/** Sums over the same histories, once with ours and once with Kafka's assignor. */
export interface Comparison {
  /** Partitions that changed hands. */
  readonly moves: { ours: number; java: number }
  /** Squares of the numbers of partitions that members have: the less, the more even. */
  readonly squares: { ours: number; java: number }
  /** Partitions without a replica on the rack of their member. */
  readonly far: { ours: number; java: number }
}

/** Takes groups through histories of 8 rebalances, each assignor going on from its own assignments. */
export async function compareSticky(
  java: JavaAssignors,
  seed: number,
  kind: HistoryKind,
  count: number,
): Promise<Comparison> {
  const random = seededRandom(seed)
  const histories = Array.from({ length: count }, () => new History(kind, random))
  const comparison = { moves: { ours: 0, java: 0 }, squares: { ours: 0, java: 0 }, far: { ours: 0, java: 0 } }
  const last: Record<'ours' | 'java', Assignment[]> = { ours: [], java: [] }
  for (let generation = 1; generation <= 8; generation++) {
    for (const side of ['ours', 'java'] as const) {
      const groups = histories.map((history, i) => history.group(last[side][i] ?? new Map(), generation))
      last[side] =
        side === 'java'
          ? await java.assign(sticky, groups)
          : groups.map(({ members, topics }) => sticky.assign(members, topics))
      for (const [i, group] of groups.entries()) {
        const assignment = last[side][i] as Assignment
        assert.equal(unevenPartition(group.members, assignment), null, side)
        comparison.moves[side] += moves(group.members, assignment)
        comparison.far[side] += farAway(group, assignment)
        for (const { length } of assignment.values()) comparison.squares[side] += length ** 2
      }
    }
    for (const history of histories) history.step()
  }
  return comparison
}

/** As text, in an order of its own: the order of topics is that of Java's hash maps. */
function sorted(assignment: ReadonlyMap<string, readonly TopicPartition[]>): [string, string[]][] {
  return [...assignment]
    .map(([id, list]): [string, string[]] => [id, list.map(each => partitionName(each.topic, each.partition)).sort()])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}
