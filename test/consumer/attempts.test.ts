import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Members } from '../spine/members.ts'
import { until } from '../until.ts'

test('a message that always fails is given up although none of its owners has it for long', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 1 } })
  await cluster.write('orders', [
    { key: 'a', value: 'poison' },
    { key: 'b', value: 'sound' },
  ])
  await using members = new Members({ brokers: cluster.brokers }, 'shop')
  const attempts: number[] = []
  const handled: string[] = []
  const failed: number[] = []
  const options = {
    work: { attempts: 3, backoff: constant(60_000), onFailure: 'skip' as const },
    handle: ({ value }: { value: Buffer | null }, { attempt }: { attempt: number }) => {
      if (String(value) === 'poison') {
        attempts.push(attempt)
        throw new Error('it cannot be handled')
      }
      handled.push(String(value))
    },
  }
  for (let owner = 1; owner <= 3; owner++) {
    const member = members.join(`owner ${owner}`, 'orders', options)
    member.consumer.on('failed', ({ attempts: made }) => failed.push(made))
    await until(`it is tried for the ${owner}. time`, () => attempts.length === owner)
    if (owner === 3) await until('it is given up', () => member.consumer.state().partitions[0]?.committed === 2)
    await member.close({ drainMs: 0 })
  }
  assert.deepEqual([attempts, failed, handled], [[1, 2, 3], [3], ['sound']])
})
