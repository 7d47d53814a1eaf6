import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Admin } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Recorder } from '../client/recorder.ts'
import { until } from '../until.ts'
import { command, RunningCommand } from './command.ts'

let cluster: EmbeddedCluster

before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { load: 2, stalled: 1, taken: 1 } })
})
after(() => cluster.close())

interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

function checkOrder({ p50, p95, p99, p999, max }: Latency, what: string): void {
  const figures = [0, p50, p95, p99, p999, max]
  assert.deepEqual(
    figures.toSorted((a, b) => a - b),
    figures,
    what,
  )
  assert.ok(p50 > 0, what)
}

async function topics(): Promise<string[]> {
  await using admin = new Admin({ brokers: cluster.brokers, logger: new Recorder() })
  return (await admin.listTopics()).map(({ topic }) => topic).sort()
}

test('perf produce writes as many messages as it tells, and perf latency leaves no topic behind that it made', async () => {
  const latency = ['perf', 'latency', 'lat', '--create', '--hops', '2', '--partitions', '2', '--rate', '2000']
  const [produced, measured] = await Promise.all([
    command(
      ['perf', 'produce', 'load', '--messages', '5000', '--size', '50', '--keys', '7', '--json'],
      cluster.brokers,
    ),
    command([...latency, '--messages', '500', '--warmup', '100', '--json'], cluster.brokers),
  ])
  assert.deepEqual([produced.code, measured.code], [0, 0], produced.stderr + measured.stderr)
  const { latencyMs, ...figures } = JSON.parse(produced.stdout)
  assert.deepEqual([figures.messages, figures.bytes, figures.failed], [5_000, 250_000, 0])
  for (const name of ['seconds', 'messagesPerSecond', 'megabytesPerSecond', 'cpuMicrosPerMessage']) {
    assert.ok(figures[name] > 0, name)
  }
  checkOrder(latencyMs, 'produced')
  const { hops, totalMs, messages } = JSON.parse(measured.stdout)
  assert.deepEqual([messages, hops.map(({ topic }: { topic: string }) => topic)], [500, ['lat', 'lat-2']])
  for (const { topic, acknowledgedMs, fetchedMs, handledMs } of hops) {
    checkOrder(acknowledgedMs, topic)
    checkOrder(fetchedMs, topic)
    checkOrder(handledMs, topic)
    assert.ok(fetchedMs.p50 <= handledMs.p50, topic)
  }
  assert.ok(totalMs.p50 >= hops[0].handledMs.p50 && totalMs.max >= hops[1].handledMs.max)
  assert.deepEqual(await topics(), ['load', 'stalled', 'taken'])
  const { stdout } = await command(['consume', 'load', '-e', '-f', '%k %S\\n'], cluster.brokers)
  const lines = stdout.split('\n').slice(0, -1)
  assert.deepEqual([lines.length, new Set(lines).size], [5_000, 7])
})

test('a stall counts for all messages that were due meanwhile', async () => {
  const stall = { api: 'Produce', topic: 'stalled', skip: 5, count: 1, action: { delayMs: 500 } } as const
  const fault = cluster.broker.fault(stall)
  const args = ['stalled', '--rate', '500', '--messages', '500', '--json']
  const latency = await command(['perf', 'latency', ...args, '--warmup', '0', '--acks', '1'], cluster.brokers)
  fault.remove()
  const [{ acknowledgedMs }] = JSON.parse(latency.stdout).hops
  assert.ok(acknowledgedMs.p95 > 100, JSON.stringify(acknowledgedMs))
  cluster.broker.fault(stall)
  const produced = await command(['perf', 'produce', ...args, '--acks', '1'], cluster.brokers)
  const { latencyMs } = JSON.parse(produced.stdout)
  assert.ok(latencyMs.p95 > 100, JSON.stringify(latencyMs))
})

test('perf that is interrupted or fails tells so, and cleans up', async () => {
  const where = cluster.brokers
  const running = new RunningCommand(['perf', 'latency', 'gone', '--create', '--warmup', '0'], { brokers: where })
  await until('it measures', () => /^[1-9]\d* of 10000 messages/m.test(running.stderr))
  running.child.kill('SIGINT')
  const [interrupted, missing, taken, small, unwritten] = await Promise.all([
    running.result(),
    command(['perf', 'produce', 'nowhere'], where),
    command(['perf', 'latency', 'taken', '--create'], where),
    command(['perf', 'latency', 'taken', '--size', '27'], where),
    command(['perf', 'produce', 'load', '--size', '2000000', '--messages', '1'], where),
  ])
  assert.equal(interrupted.code, 130, interrupted.stderr)
  assert.match(interrupted.stdout, /^TOPIC +MS UNTIL +P50 +P95 +P99 +P99\.9 +MAX\ngone +acknowledged +\d+\.\d\d /)
  assert.deepEqual([missing.code, taken.code, small.code, unwritten.code], [4, 1, 2, 1])
  assert.match(taken.stderr, /taken.* Name another topic, or leave out --create/)
  assert.match(small.stderr, /--size must be at least 28/)
  assert.match(unwritten.stderr, /1 of 1 messages were not written: .*maxRequestBytes/)
  assert.match(unwritten.stdout, /^messages +0\n[\s\S]*latency max, ms +0\.00\n$/)
  assert.deepEqual(await topics(), ['load', 'stalled', 'taken'])
})
