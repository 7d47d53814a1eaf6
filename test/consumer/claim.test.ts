import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyMessage, Claim, type ClaimHost } from '../../src/consumer/claim.ts'
import { Budget } from '../../src/fetch/budget.ts'
import { Reservoir } from '../../src/fetch/reservoir.ts'
import { MetadataLimit } from '../../src/offsets/gaps.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'
import { PartitionLog } from '../fetch/log.ts'

const nothing = () => {}
const host: ClaimHost = {
  ...{ gateOpen: true, filled: nothing, reset: nothing, rewind: nothing, recreated: nothing, corrupt: nothing },
  fail: (_claim, error) => {
    throw error
  },
}

function claimOf({ topic, partition }: PartitionLog, position: number, leaderEpoch: number): Claim {
  const budget = new Budget(1 << 24)
  const limits = { maxInflatedBytes: 1 << 20, onCorrupt: 'fail' } as const
  const claim = new Claim({
    ...{ topic, partition, host, route: 0, committed: position, paused: false },
    metadataLimit: new MetadataLimit(4_096),
    reservoir: events => new Reservoir({ topic, partition, position: -1, budget, events, ...limits }),
  })
  claim.reservoir.moveTo(position, leaderEpoch)
  return claim
}

/** Of the batch that has the record before this offset, or comes next where nothing is left of it. */
function epochBelow(batches: readonly RecordBatch[], offset: number): number | undefined {
  return batches.find(batch => batch.lastOffset >= offset - 1)?.leaderEpoch
}

test('a commit has the leader epoch of the last record below it, whatever settles when and whatever holds no message', () => {
  const step = fc.record({
    kind: fc.constantFrom('messages', 'messages', 'aborted', 'gap', 'hole'),
    elections: fc.constantFrom(0, 0, 0, 1, 3),
    taken: fc.nat(6),
    settled: fc.array(fc.nat(20), { maxLength: 6 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const log = new PartitionLog('orders', 0)
      log.append(5)
      const claim = claimOf(log, 5, 0)
      const open: { slot: number; message: AnyMessage }[] = []
      for (const { kind, elections, taken, settled } of steps) {
        log.leaderEpoch += elections
        if (kind === 'gap') log.gap(3)
        if (kind === 'aborted') log.transaction(7, [2], 'abort')
        else log.append(3, { hole: kind === 'hole' ? 4 : 0 })
        const batches = log.read(claim.reservoir.position, 1 << 20, true)
        claim.reservoir.fill(log.answer(batches, 'read_committed'))
        for (let count = 0; count < taken; count++) {
          const message = claim.take()
          if (message !== null) open.push({ slot: claim.track(message), message })
        }
        for (const place of settled) {
          const [done] = open.splice(place % Math.max(1, open.length), 1)
          if (done !== undefined) claim.settle(done.slot, done.message)
        }
        const { committable } = claim
        assert.equal(claim.leaderEpoch, epochBelow(log.batches, committable), `of ${committable}`)
      }
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('nothing done yet, a commit has the epoch that was loaded with the position', () => {
  const log = new PartitionLog('orders', 0)
  for (const epoch of [6, -1]) {
    const claim = claimOf(log, 40, epoch)
    claim.reset(40)
    assert.deepEqual([claim.committable, claim.leaderEpoch], [40, epoch])
  }
})
