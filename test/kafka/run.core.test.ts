import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Admin } from '../../src/index.ts'
import { RunningCommand } from '../cli/command.ts'
import { startClient } from '../client/recorder.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

test('millrace run: SIGHUP replaces all processes in one generation, SIGTERM leaves the group; each message is handled once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-run-'))
  await writeFile(join(folder, 'handler.ts'), 'export default ({ rawValue }) => console.log(String(rawValue))\n')
  await using cluster = await KafkaCluster.start({ topics: { orders: 6 } })
  await using client = startClient({ brokers: cluster.brokers })
  const args = ['-t', 'orders', '-g', 'shop', '-n', '3', '--json', '-v']
  const run = new RunningCommand(['run', join(folder, 'handler.ts'), ...args], { brokers: cluster.brokers })
  try {
    const told = (event: string) => run.stderr.split(`"event":"${event}"`).length - 1
    const generations = () => [...run.stderr.matchAll(/INFO millrace: joined .*generation=(\d+)/g)].map(([, n]) => n)
    await until('all run', () => told('running') === 3, 60_000)
    const shares = async () =>
      (await new Admin(client).describeGroup('shop')).members.map(each => each.partitions?.length)
    await until('each has its share', async () => (await shares()).join() === '2,2,2')
    const before = generations().length
    let written = 0
    const write = async () => {
      const numbers = Array.from({ length: 60 }, (_, index) => written + index)
      await cluster.write(
        'orders',
        numbers.map(number => ({ value: String(number), partition: number % 6 })),
      )
      written += 60
    }
    await write()
    run.child.kill('SIGHUP')
    for (; told('restarted') === 0; await delay(100)) await write()
    // A process tells of its first generation always, and of later ones not always.
    const joined = generations().slice(before)
    assert.deepEqual([told('running'), joined.length, new Set(joined).size], [6, 3, 1])
    await until('all is handled', () => run.lines.length >= written)
    run.child.kill('SIGTERM')
    assert.equal((await run.result()).code, 0, run.stderr)
    assert.deepEqual([run.lines.length, new Set(run.lines).size], [written, written])
    const { state, members } = await new Admin(client).describeGroup('shop')
    assert.deepEqual([state, members], ['Empty', []])
    assert.equal(
      (await cluster.committed('shop')).reduce((sum, { offset }) => sum + offset, 0),
      written,
    )
  } finally {
    run.child.kill('SIGKILL')
    await rm(folder, { recursive: true })
  }
})
