import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Consumer } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Recorder } from '../client/recorder.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { command, RunningCommand } from './command.ts'

let cluster: EmbeddedCluster

before(async () => {
  cluster = await EmbeddedCluster.start({
    topics: { shared: 4, drained: 4, counted: 4, taken: 1, ends: 2, 'seen.old': 1 },
  })
})
after(() => cluster.close())

/** Values FIRST… to four partitions in turn. */
async function write(topic: string, first: number, end: number): Promise<void> {
  const messages = numbers(first, end).map(number => ({ value: number, partition: Number(number) % 4 }))
  await cluster.write(topic, messages)
}

function numbers(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, index) => String(first + index))
}

const sorted = (lines: readonly string[]) => lines.toSorted((a, b) => Number(a) - Number(b))

async function committed(group: string): Promise<number> {
  return (await cluster.committed(group)).reduce((sum, { offset }) => sum + offset, 0)
}

/** Another member of a group named like its topic, in this process. */
function member(topic: string) {
  const handled: string[] = []
  const ownership = { heartbeatIntervalMs: 100 }
  const consumer = new Consumer({ brokers: cluster.brokers, group: topic, ownership, logger: new Recorder() })
  consumer.topic(topic, message => handled.push(String(message.value)))
  return { consumer, handled, run: running(consumer) }
}

test('several consume a topic as one group: each line is printed once while they come and go', async () => {
  const start = () => new RunningCommand(['consume', 'shared', '--group', 'shared'], { brokers: cluster.brokers })
  await write('shared', 0, 200)
  const { consumer, handled, run } = member('shared')
  await using _run = run
  await until('all is handled', () => handled.length === 200)
  const other = start()
  await until('they share', () => consumer.state().partitions.length === 2)
  await write('shared', 200, 400)
  await until('all is handled', () => handled.length + other.lines.length === 400)
  assert.equal(other.lines.length, 100)
  other.child.kill('SIGINT')
  assert.deepEqual(await other.result().then(({ code, stderr }) => [code, stderr]), [0, ''])
  await write('shared', 400, 500)
  await until('the rest is handled', () => handled.length + other.lines.length === 500)
  assert.deepEqual(sorted([...handled, ...other.lines]), numbers(0, 500))
})

test('--until-end in a group ends when the group has done what was there, whoever did it', async () => {
  await write('drained', 0, 400)
  const { consumer, handled, run } = member('drained')
  await using _run = run
  consumer.pause()
  await until('it owns all', () => consumer.state().partitions.length === 4)
  const args = ['consume', 'drained', '--group', 'drained', '--until-end']
  const other = new RunningCommand(args, { brokers: cluster.brokers })
  await until('it has printed its share', () => other.lines.length === 200)
  await write('drained', 400, 408)
  consumer.resume()
  const { code, stderr } = await other.result()
  assert.deepEqual([code, stderr, other.lines.length], [0, '', 200])
  await until('the rest is handled', () => handled.length === 208)
  assert.deepEqual(sorted([...handled, ...other.lines]), numbers(0, 408))
  // Nobody else is there, and all is done already.
  await run[Symbol.asyncDispose]()
  const again = await command(args, cluster.brokers)
  assert.deepEqual([again.code, again.stdout, await committed('drained')], [0, '', 408])
})

test('--until-end takes over what another member leaves behind', async () => {
  const { consumer, handled, run } = member('counted')
  consumer.pause()
  await write('counted', 0, 100)
  await until('it owns all', () => consumer.state().partitions.length === 4)
  const args = ['consume', 'counted', '--group', 'counted', '--until-end']
  const other = new RunningCommand(args, { brokers: cluster.brokers })
  await until('it has printed its share', () => other.lines.length === 50)
  await run[Symbol.asyncDispose]()
  assert.equal((await other.result()).code, 0)
  assert.deepEqual([sorted(other.lines), handled], [numbers(0, 100), []])
})

test('--max in a group prints and commits exactly so many, and the others go on behind them', async () => {
  const { consumer, handled, run } = member('counted')
  await using _run = run
  await until('it owns all', () => consumer.state().partitions.length === 4)
  const args = ['consume', 'counted', '--group', 'counted', '--max', '20']
  const other = new RunningCommand(args, { brokers: cluster.brokers })
  await until('they share', () => consumer.state().partitions.length === 2)
  await write('counted', 100, 300)
  assert.equal((await other.result()).code, 0)
  assert.equal(other.lines.length, 20)
  await until('the rest is handled', () => handled.length === 180)
  await until('all is committed', async () => (await committed('counted')) === 300)
  assert.deepEqual(sorted([...handled, ...other.lines]), numbers(100, 300))
})

test('with --partition it does not join: it is refused while the group has members, and told who they are', async () => {
  const { consumer, run } = member('taken')
  await using _run = run
  await until('it is a member', () => consumer.state().partitions.length === 1)
  const { code, stdout, stderr } = await command(
    ['consume', 'taken', '-p', '0', '--group', 'taken', '--until-end'],
    cluster.brokers,
  )
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^millrace: .*taken.*millrace at 127\.0\.0\.1.*\n$/)
})

/** Without a group. */
async function printed(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await command(['consume', ...args], cluster.brokers)
  assert.deepEqual([code, stderr], [0, ''], args.join(' '))
  return stdout.split('\n').slice(0, -1)
}

test('--from -N begins N before the end of each partition, --until ends before an offset or a time', async () => {
  const at = Date.UTC(2026, 0, 31)
  const messages = [0, 1, 2, 3, 4, 5, 6, 7].map(number => {
    return { value: String(number), partition: number % 2, timestamp: at + number * 1_000 }
  })
  await cluster.write('ends', messages)
  const ends = async (...args: string[]) => sorted(await printed('ends', ...args))
  assert.deepEqual(await ends('--from', '-1', '--until-end'), ['6', '7'])
  assert.deepEqual(await ends('-o', '-99', '--max', '8'), numbers(0, 8))
  assert.deepEqual(await ends('--until', '2026-01-31T00:00:05'), numbers(0, 5))
  assert.deepEqual(await ends('--from', '1', '--until', '3', '-p', '0'), ['2', '4'])
  assert.deepEqual(await ends('--until', '99'), numbers(0, 8))
  assert.deepEqual(await ends('--until', 'earliest'), [])
  assert.deepEqual(await ends('--from', '-3', '--until', '@0'), [])
})

test('--follow prints topics whose name matches, and those that are made meanwhile from their first message', async () => {
  await cluster.write('seen.old', [{ value: 'before' }])
  const args = ['consume', '--follow', '^seen\\.', '--from', 'latest', '-f', '%t %s\\n']
  const running = new RunningCommand(args, { brokers: cluster.brokers })
  await until('it reads', async () => {
    await cluster.write('seen.old', [{ value: 'meanwhile' }])
    return running.lines.length > 0
  })
  await cluster.createTopic('seen.new')
  await cluster.createTopic('other.new')
  await cluster.write('seen.new', [{ value: 'first' }])
  await cluster.write('other.new', [{ value: 'first' }])
  await until('the new one is printed', () => running.lines.includes('seen.new first'))
  running.child.kill('SIGINT')
  assert.deepEqual(await running.result().then(({ code, stderr }) => [code, stderr]), [0, ''])
  assert.deepEqual([...new Set(running.lines)].sort(), ['seen.new first', 'seen.old meanwhile'])
  assert.deepEqual(await printed('--follow', '^none\\.', '--until-end'), [])
})

test('--null stands for null in keys, values and headers', async () => {
  await cluster.createTopic('nulls')
  await cluster.write('nulls', [
    { key: null, value: null, headers: [['h', null]] },
    { key: '', value: '' },
  ])
  const format = ['nulls', '-e', '-f', '<%k|%s|%h>\\n']
  assert.deepEqual(await printed(...format), ['<||h=NULL>', '<||>'])
  assert.deepEqual(await printed(...format, '--null', '-'), ['<-|-|h=->', '<||>'])
})
