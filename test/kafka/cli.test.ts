import assert from 'node:assert/strict'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type CommandResult, command, RunningCommand } from '../cli/command.ts'
import { startJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

let cluster: KafkaCluster

before(async () => {
  cluster = await KafkaCluster.start({ config: { 'log.cleaner.backoff.ms': '100' } })
})
after(() => cluster.close())

function millrace(...args: string[]): Promise<CommandResult> {
  return command(args, cluster.brokers)
}

/** What it printed; it must have ended well and without a word on stderr. */
async function linesOf(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await millrace(...args)
  assert.deepEqual([code, stderr], [0, ''], args.join(' '))
  return stdout.split('\n').slice(0, -1)
}

/** Messages `FIRST`… with their number as the value, `partitions` of them in turn. */
async function write(topic: string, count: number, { first = 0, partitions = 1 } = {}): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => first + index)
  await cluster.write(
    topic,
    numbers.map(number => ({ value: String(number), partition: number % partitions })),
  )
}

function numbers(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, index) => String(first + index))
}

async function committed(group: string): Promise<number> {
  return (await cluster.committed(group)).reduce((sum, { offset }) => sum + offset, 0)
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await delay(50)
  }
}

test('a message is printed as the format says, byte for byte, or as JSON', async () => {
  await cluster.createTopic('shapes')
  const value = Buffer.from([0, 0xff, 10, 0xc3])
  const headers = [['h', 'x']] as const
  await cluster.write('shapes', [
    { key: 'k', value, headers, timestamp: 1_234 },
    { key: null, value: null, timestamp: 5_678 },
  ])
  const shown = new RunningCommand(['consume', 'shapes', '--until-end', '-f', '%t %p %o %T %h %k %K %S %s%R|'], {
    brokers: cluster.brokers,
  })
  assert.equal((await shown.result()).code, 0)
  assert.deepEqual(
    shown.bytes,
    Buffer.concat([
      Buffer.from('shapes 0 0 1234 h=x k 1 4 '),
      value,
      Buffer.from([0, 0, 0, 4]),
      Buffer.from('|shapes 0 1 5678   -1 -1 '),
      Buffer.from([255, 255, 255, 255]),
      Buffer.from('|'),
    ]),
  )
  const json = (await linesOf('consume', 'shapes', '--until-end', '--json')).map(line => JSON.parse(line))
  const place = { topic: 'shapes', partition: 0, timestampType: 'CreateTime' }
  assert.deepEqual(json, [
    {
      ...place,
      offset: 0,
      timestamp: 1_234,
      key: 'k',
      value: { base64: value.toString('base64') },
      headers: [['h', 'x']],
    },
    { ...place, offset: 1, timestamp: 5_678, key: null, value: null, headers: [] },
  ])
})

test('several topics and their partitions are printed, each partition in order', async () => {
  await cluster.createTopic('left', { partitions: 3 })
  await cluster.createTopic('right', { partitions: 2 })
  await write('left', 3_000, { partitions: 3 })
  await write('right', 1_000, { partitions: 2 })
  const lines = await linesOf('consume', 'left', 'right', '--until-end', '-f', '%t/%p %o\\n')
  const last = new Map<string, number>()
  for (const line of lines) {
    const [partition = '', offset] = line.split(' ')
    assert.equal(Number(offset), (last.get(partition) ?? -1) + 1, partition)
    last.set(partition, Number(offset))
  }
  assert.equal(lines.length, 4_000)
  assert.equal(last.size, 5)
  const some = await linesOf('consume', 'left', '--partition', '0', '-p', '2', '--until-end', '-f', '%p\\n')
  assert.deepEqual([some.length, new Set(some)], [2_000, new Set(['0', '2'])])
})

test('--from begins at an offset, a time, or an end', async () => {
  await cluster.createTopic('times')
  const at = Date.UTC(2026, 0, 31)
  await cluster.write(
    'times',
    numbers(0, 5).map(value => ({ value, timestamp: at + Number(value) * 1_000 })),
  )
  const from = (position: string) => linesOf('consume', 'times', '--until-end', '--from', position)
  assert.deepEqual(await from('earliest'), numbers(0, 5))
  assert.deepEqual(await from('3'), ['3', '4'])
  assert.deepEqual(await from('2026-01-31T00:00:02Z'), ['2', '3', '4'])
  assert.deepEqual(await from(`@${at + 4_000}`), ['4'])
  assert.deepEqual(await from('2027-01-01'), [])
  assert.deepEqual(await from('latest'), [])
  assert.deepEqual(await from('5'), [])
  assert.deepEqual(await cluster.committed('times'), [])
})

test('an offset that does not exist is refused with those that do, and is not committed', async () => {
  await cluster.createTopic('ranged', { partitions: 2 })
  await write('ranged', 10, { partitions: 2 })
  await cluster.truncate('ranged', 0, 2)
  const refused = async (message: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await millrace('consume', 'ranged', ...args, '--until-end', '--group', 'ranged')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
  }
  await refused(
    /^millrace: Offset 6 of ranged\[0\] does not exist: there are 2 to 5\. .*another --from.*\n$/,
    '--from',
    '6',
  )
  await refused(/^millrace: Offset 1 of ranged\[0\] does not exist: there are 2 to 5\. /, '--from', '1')
  assert.deepEqual(await cluster.committed('ranged'), [])
  const group = ['--group', 'ranged', '-f', '%p/%o\\n']
  assert.deepEqual(await linesOf('consume', 'ranged', '-p', '1', '--from', '1', '--max', '2', ...group), ['1/1', '1/2'])
  // What is committed decides, and is refused when it is gone.
  assert.deepEqual(await linesOf('consume', 'ranged', '-p', '1', '--from', '99', '--max', '1', ...group), ['1/3'])
  await cluster.truncate('ranged', 1, 5)
  await refused(
    /^millrace: Offset 4 of ranged\[1\], committed for group ranged, does not exist: there are 5 to 5\. /,
    '-p',
    '1',
  )
})

test('--until-end ends behind markers, aborted and open transactions, and where nothing is', async () => {
  await cluster.createTopic('ledger', { partitions: 4 })
  const finish = async (end: 'commit' | 'abort', partition: number) => {
    const transaction = cluster.transaction()
    await transaction.write('ledger', [{ value: end, partition }])
    await transaction[end]()
  }
  await finish('commit', 0)
  await finish('commit', 1)
  await finish('abort', 1)
  await finish('abort', 2)
  await finish('commit', 2)
  const pending = cluster.transaction()
  await pending.write('ledger', [{ value: 'open', partition: 2 }])
  assert.deepEqual((await linesOf('consume', 'ledger', '--until-end', '-f', '%p %s\\n')).sort(), [
    '0 commit',
    '1 commit',
    '2 commit',
  ])
  await pending.abort()
  assert.equal((await linesOf('consume', 'ledger', '--until-end', '--group', 'ledger')).length, 3)
  // Markers and aborted messages are committed as well: an empty group would begin behind them.
  assert.equal(await committed('ledger'), 2 + 4 + 6)
})

test('--until-end ends on a compacted topic whose beginning was deleted', async () => {
  const config = { 'cleanup.policy': 'compact,delete', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' }
  await cluster.createTopic('compacted', { config })
  const keep = (value: string) => cluster.write('compacted', [{ key: 'k', value }])
  for (const value of numbers(0, 6)) {
    await keep(value)
    await delay(150)
  }
  await cluster.truncate('compacted', 0, 1)
  const read = () => linesOf('consume', 'compacted', '--until-end')
  let lines = await read()
  while (lines.length > 2) {
    assert.equal(lines.at(-1), '5')
    lines = await read()
  }
  assert.equal(lines.at(-1), '5')
})

test('--max ends after exactly so many, and a group goes on behind them', async () => {
  await cluster.createTopic('counted', { partitions: 3 })
  await write('counted', 1_000, { partitions: 3 })
  assert.equal((await linesOf('consume', 'counted', '--max', '7')).length, 7)
  const all: string[] = []
  for (const count of [1, 5, 300]) {
    const lines = await linesOf('consume', 'counted', '--group', 'counted', '--max', String(count))
    all.push(...lines)
    assert.deepEqual([lines.length, await committed('counted')], [count, all.length])
  }
  all.push(...(await linesOf('consume', 'counted', '--group', 'counted', '--until-end', '--from', 'latest')))
  assert.deepEqual(
    all.map(Number).sort((a, b) => a - b),
    numbers(0, 1_000).map(Number),
  )
  assert.deepEqual(await linesOf('consume', 'counted', '--group', 'counted', '--until-end'), [])
})

test('without a group nothing is committed', async () => {
  await cluster.createTopic('unknown-reader')
  await write('unknown-reader', 3)
  await linesOf('consume', 'unknown-reader', '--until-end')
  assert.deepEqual(await cluster.committed('unknown-reader'), [])
})

test('--until-end prints and commits what was there at the start and not a message more', async () => {
  await cluster.createTopic('growing', { partitions: 2 })
  await write('growing', 60_000, { partitions: 2 })
  const args = ['consume', 'growing', '--group', 'growing', '--until-end']
  const running = new RunningCommand(args, { brokers: cluster.brokers, stdout: 'unread' })
  // It cannot end before it is read: the pipe is full.
  await running.begun()
  await write('growing', 100, { first: 60_000, partitions: 2 })
  running.read()
  assert.equal((await running.result()).code, 0)
  assert.equal(running.lines.length, 60_000)
  assert.equal(await committed('growing'), 60_000)
})

test('Ctrl-C ends an endless command with 0 and commits what was printed', async () => {
  await cluster.createTopic('endless')
  await write('endless', 500)
  const running = new RunningCommand(['consume', 'endless', '--group', 'endless'], { brokers: cluster.brokers })
  await until('all is printed', () => running.lines.length === 500)
  await write('endless', 10, { first: 500 })
  await until('what came later is printed', () => running.lines.length === 510)
  running.child.kill('SIGINT')
  const { code, stderr } = await running.result()
  assert.deepEqual([code, stderr, running.lines], [0, '', numbers(0, 510)])
  assert.equal(await committed('endless'), 510)
})

test('Ctrl-C before --max is reached is exit code 130', async () => {
  await cluster.createTopic('short')
  await write('short', 3)
  const running = new RunningCommand(['consume', 'short', '--max', '5'], { brokers: cluster.brokers })
  await until('all is printed', () => running.lines.length === 3)
  running.child.kill('SIGINT')
  const { code, stderr } = await running.result()
  assert.deepEqual([code, stderr], [130, 'millrace: Interrupted after 3 messages\n'])
})

test('a message is done when its line was written: a reader that stands still holds the commit back', async () => {
  await cluster.createTopic('blocked')
  await write('blocked', 100_000)
  const args = ['consume', 'blocked', '--group', 'blocked']
  const running = new RunningCommand(args, { brokers: cluster.brokers, stdout: 'unread' })
  await running.begun()
  running.child.kill('SIGINT')
  // Two signals at once would be one; without the second it takes longer, and ends the same way.
  await delay(200)
  running.child.kill('SIGINT')
  assert.equal((await running.result()).code, 0)
  const printed = running.lines.length
  const done = await committed('blocked')
  assert.ok(done <= printed && printed < 100_000, `${done} committed, ${printed} printed`)
})

test('Ctrl-C before the last line was written is exit code 130, also when --max was taken', async () => {
  const args = ['consume', 'blocked', '--max', '15000', '-f', 'a line that is long enough to fill a pipe: %s\\n']
  const running = new RunningCommand(args, { brokers: cluster.brokers, stdout: 'unread' })
  await running.begun()
  running.child.kill('SIGINT')
  await delay(200)
  running.child.kill('SIGINT')
  assert.equal((await running.result()).code, 130)
  assert.ok(running.lines.length < 15_000)
})

test('a reader that has seen enough ends it with 0, without a word', async () => {
  await cluster.createTopic('head')
  await write('head', 100_000)
  const args = ['consume', 'head', '--group', 'head']
  const running = new RunningCommand(args, { brokers: cluster.brokers, stdout: 'unread' })
  await running.begun()
  running.child.stdout?.destroy()
  const { code, stderr } = await running.result()
  assert.deepEqual([code, stderr], [0, ''])
  assert.ok((await committed('head')) < 100_000)
})

test('output that cannot be written is exit code 1, and what was not written is not committed', async t => {
  const full = await open('/dev/full', 'w').catch(() => null)
  if (full === null) return t.skip('there is no /dev/full here')
  await cluster.createTopic('full')
  await write('full', 10)
  const args = ['consume', 'full', '--group', 'full']
  const { code, stderr } = await new RunningCommand(args, { brokers: cluster.brokers, stdout: full.fd }).result()
  await full.close()
  assert.equal(code, 1)
  assert.match(stderr, /^millrace: The output cannot be written: ENOSPC.*\n$/)
  assert.equal(await committed('full'), 0)
})

test('a topic or partition that does not exist is exit code 4 and is not created', async () => {
  await cluster.createTopic('small', { partitions: 2 })
  for (const args of [
    ['consume', 'nowhere'],
    ['topics', 'describe', 'small', 'nowhere'],
    ['perf', 'consume', 'nowhere'],
    ['topics', 'describe', 'no/where'],
  ]) {
    const { code, stdout, stderr } = await millrace(...args)
    assert.deepEqual([code, stdout], [4, ''])
    assert.match(stderr, /^millrace: Topic "no\/?where" does not exist.*millrace topics.*\n$/)
  }
  const { code, stderr } = await millrace('consume', 'small', '-p', '0,2')
  assert.equal(code, 4)
  assert.match(stderr, /^millrace: small\[2\] does not exist: .* 0 to 1\n$/)
  assert.doesNotMatch((await linesOf('topics')).join('\n'), /nowhere/)
})

test('a group with members is told, and refused with exit code 1 and their names', async () => {
  await cluster.createTopic('taken')
  const where = ['--bootstrap-server', cluster.brokers.join(), '--topic', 'taken']
  const java = await startJava('org.apache.kafka.tools.consumer.ConsoleConsumer', [...where, '--group', 'taken'])
  try {
    let result = await millrace('consume', 'taken', '-p', '0', '--group', 'taken', '--until-end')
    for (let tries = 0; result.code === 0 && tries < 30; tries++)
      result = await millrace('consume', 'taken', '-p', '0', '--group', 'taken', '--until-end')
    assert.equal(result.code, 1)
    assert.match(result.stderr, /^millrace: .*taken.*console-consumer at 127\.0\.0\.1.*\n$/)
    const [header, , row] = await linesOf('groups', 'describe', 'taken')
    assert.match(header ?? '', /^taken: Stable, \w+, 1 member, coordinator 1 at 127\.0\.0\.1:\d+$/)
    assert.match(row ?? '', /^taken +0 +\S+ +0 +\S+ +console-consumer-\S+ +console-consumer +127\.0\.0\.1$/)
    const refused = await millrace('groups', 'delete', 'taken')
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /has members \(state Stable\): console-consumer-/)
  } finally {
    java.kill('SIGKILL')
  }
})

test('topics tells partitions, replicas and messages, and of named ones each partition', async () => {
  await cluster.createTopic('listed', { partitions: 2 })
  await cluster.createTopic('also-listed')
  await write('listed', 5, { partitions: 2 })
  await cluster.truncate('listed', 0, 1)
  const all = await linesOf('topics')
  assert.match(all[0] ?? '', /^TOPIC +PARTITIONS +REPLICAS +MESSAGES$/)
  assert.match(all.join('\n'), /^also-listed +1 +1 +0$[\s\S]*^listed +2 +1 +4$/m)
  assert.doesNotMatch(all.join('\n'), /__consumer_offsets/)
  assert.match((await linesOf('topics', '--internal')).join('\n'), /^__consumer_offsets +4 /m)
  const [heading, ...rows] = await linesOf('topics', 'describe', 'listed')
  assert.match(heading ?? '', /^listed: 2 partitions, 1 replica, 4 messages, id [\w-]{22}$/)
  assert.deepEqual(
    rows.map(line => line.trim().split(/ +/)),
    [
      ['PARTITION', 'LEADER', 'REPLICAS', 'IN-SYNC', 'EARLIEST', 'LATEST'],
      ['0', '1', '1', '1', '1', '3'],
      ['1', '1', '1', '1', '0', '2'],
    ],
  )
  const [json = ''] = await linesOf('topics', 'describe', 'listed', '--json')
  const place = { leader: 1, replicas: [1], inSync: [1] }
  const { topicId, ...described } = JSON.parse(json)
  assert.match(topicId, /^[\w-]{22}$/)
  assert.deepEqual(described, {
    topic: 'listed',
    internal: false,
    messages: 4,
    partitions: [
      { partition: 0, ...place, earliest: 1, latest: 3 },
      { partition: 1, ...place, earliest: 0, latest: 2 },
    ],
    configs: {},
  })
})

test('topics are created, with leaders at once, enlarged, set up, and deleted', async () => {
  assert.deepEqual(await linesOf('topics', 'create', 'made', '-p', '3', '--set', 'retention.ms=90000', '--wait'), [
    'created made (3 partitions, 1 replica)',
  ])
  await write('made', 6, { partitions: 3 })
  assert.deepEqual(await linesOf('topics', 'alter', 'made', '--partitions', '4', '--wait'), [
    'made has 4 partitions (before: 3)',
  ])
  await linesOf('topics', 'configs', 'made', '--set', 'segment.ms=80000', '--append', 'cleanup.policy=compact')
  await until('it is set', async () => {
    const lines = await linesOf('topics', 'configs', 'made')
    const settings = lines.slice(1).map(line => line.split(/ +/).slice(0, 2).join('='))
    return settings.join() === 'cleanup.policy=delete,compact,retention.ms=90000,segment.ms=80000'
  })
  assert.deepEqual(await linesOf('topics', 'delete', 'made', '--yes'), ['deleted made'])
})

test('cluster tells the active controller, each broker and the release of Kafka that it runs', async () => {
  const [id = '', controller, metadata, , , broker] = await linesOf('cluster')
  assert.match(id, /^cluster +[\w-]{22}$/)
  const release = cluster.version.replace(/\.\d+$/, '')
  assert.equal(controller, 'controller  1')
  assert.match(metadata ?? '', new RegExp(`^metadata +${release} \\(metadata\\.version \\d+\\)$`))
  assert.deepEqual(broker?.trim().split(/ +/), ['1', cluster.brokers[0], '-', release, 'up'])
})

test('reset-offsets moves a group to a time, an end, or by some messages', async () => {
  await cluster.createTopic('again', { partitions: 2 })
  const at = Date.UTC(2026, 0, 31)
  await cluster.write(
    'again',
    [0, 1, 2, 3, 4, 5].map(number => ({ value: 'x', partition: number % 2, timestamp: at + number * 1_000 })),
  )
  const reset = async (...args: string[]) => {
    await linesOf('groups', 'reset-offsets', 'again', ...args, '--execute')
    return (await cluster.committed('again')).map(({ partition, offset }) => [partition, offset]).sort()
  }
  assert.deepEqual(await reset('--topic', 'again', '--to', 'latest'), [
    [0, 3],
    [1, 3],
  ])
  assert.deepEqual(await reset('--to', '2026-01-31T00:00:02Z'), [
    [0, 1],
    [1, 1],
  ])
  assert.deepEqual(await reset('--topic', 'again:1', '--shift-by', '-5'), [
    [0, 1],
    [1, 0],
  ])
  assert.equal((await linesOf('consume', 'again', '--group', 'again', '--until-end')).length, 5)
})

test('--follow prints topics that are made meanwhile, and --from -N the last messages', async () => {
  await cluster.createTopic('follow.old')
  await write('follow.old', 5)
  assert.deepEqual(await linesOf('consume', '--follow', '^follow\\.', '-o', '-2', '-e'), ['3', '4'])
  const running = new RunningCommand(['consume', '--follow', '^follow\\.', '-o', '-1'], { brokers: cluster.brokers })
  await until('it reads', () => running.lines.length === 1)
  await cluster.createTopic('follow.new')
  await write('follow.new', 2, { first: 10 })
  await until('the new one is printed', () => running.lines.length === 3)
  running.child.kill('SIGINT')
  assert.equal((await running.result()).code, 0)
  assert.deepEqual(running.lines, ['4', '10', '11'])
})

test('perf consume tells how fast it was, until the end, --messages or --seconds', async () => {
  await cluster.createTopic('load', { partitions: 2 })
  await write('load', 20_000, { partitions: 2 })
  const [whole, some, timed] = await Promise.all([
    millrace('perf', 'consume', 'load', '--json'),
    millrace('perf', 'consume', 'load', '--json', '--messages', '1000', '--order', 'none', '--concurrency', '64'),
    millrace('perf', 'consume', 'load', '--seconds', '1.5', '--batch', '500'),
  ])
  assert.deepEqual([whole.code, some.code, timed.code], [0, 0, 0])
  const figures = JSON.parse(whole.stdout)
  assert.equal(figures.messages, 20_000)
  assert.equal(figures.bytes, numbers(0, 20_000).join('').length)
  for (const name of ['seconds', 'messagesPerSecond', 'megabytesPerSecond', 'cpuMicrosPerMessage']) {
    assert.ok(figures[name] > 0, name)
  }
  assert.equal(JSON.parse(some.stdout).messages, 1_000)
  assert.match(timed.stdout, /^messages +20,000\nseconds +\S+\nmessages\/s +\S+\nMB\/s +\S+\nCPU µs .*\n.*timer.*\n$/)
  assert.match(timed.stderr, /^20000 messages, \d+\/s, \d+\.\d MB\/s$/m)
})

test('perf that is interrupted tells its figures and exits with 130', async () => {
  const running = new RunningCommand(['perf', 'consume', 'load', '--messages', '30000'], { brokers: cluster.brokers })
  await until('it has told something', () => running.stderr.includes('20000 messages'))
  running.child.kill('SIGINT')
  const { code, stdout } = await running.result()
  assert.equal(code, 130)
  assert.match(stdout, /^messages +20,000$/m)
})

test('produce writes each line once and in order while its broker is killed, and what consume printed again', async () => {
  await cluster.createTopic('written', { partitions: 3 })
  await cluster.createTopic('written-again', { partitions: 3 })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  const [lines, objects] = [join(folder, 'lines'), join(folder, 'objects')]
  await writeFile(lines, numbers(0, 30_000).join('\n'))
  const args = ['produce', 'written', lines, '--rate', '10000', '--json', '--compression', 'lz4']
  const running = new RunningCommand(args, { brokers: cluster.brokers })
  await until('some are written', () => running.lines.length > 5_000)
  await cluster.kill(1)
  await cluster.restart(1)
  assert.equal((await running.result()).code, 0)
  assert.deepEqual(
    running.lines.map(line => JSON.parse(line).line),
    Array.from({ length: 30_000 }, (_, index) => index + 1),
  )
  const printed = await linesOf('consume', 'written', '--until-end', '--json')
  const read = printed.map(line => JSON.parse(line))
  for (const partition of [0, 1, 2]) {
    const values = read.filter(message => message.partition === partition).map(({ value }) => Number(value))
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    )
  }
  assert.equal(new Set(read.map(({ value }) => value)).size, 30_000)
  assert.equal(read.length, 30_000)

  await writeFile(objects, printed.join('\n'))
  assert.equal((await millrace('produce', 'written-again', objects, '--input', 'ndjson', '-z', 'zstd')).code, 0)
  await rm(folder, { recursive: true })
  const copied = await linesOf('consume', 'written-again', '--until-end', '--json')
  assert.deepEqual(copied.map(line => line.replace('written-again', 'written')).sort(), printed.toSorted())
})

test('perf produce and perf latency measure a real broker, and leave nothing behind', async () => {
  await cluster.createTopic('perf')
  const produced = await millrace('perf', 'produce', 'perf', '--messages', '50000', '--acks', '1', '--json')
  assert.equal(JSON.parse(produced.stdout).messages, 50_000)
  const args = ['lat', '--create', '--hops', '2', '--messages', '1000', '--warmup', '200', '--json']
  const measured = await millrace('perf', 'latency', ...args)
  assert.equal(JSON.parse(measured.stdout).messages, 1_000)
  await until('its topics are gone', async () => !(await linesOf('topics')).some(line => line.startsWith('lat')))
})

test('a broker that dies and comes back is waited for, and every message is printed once', async () => {
  await cluster.createTopic('restarted')
  await write('restarted', 100)
  const running = new RunningCommand(['consume', 'restarted', '--group', 'restarted'], { brokers: cluster.brokers })
  await until('the first are printed', () => running.lines.length === 100)
  await cluster.kill(1)
  await until('it tells', () => running.stderr.includes('ECONNREFUSED'))
  await cluster.restart(1)
  await write('restarted', 100, { first: 100 })
  await until('the others are printed', () => running.lines.length === 200)
  running.child.kill('SIGINT')
  assert.equal((await running.result()).code, 0)
  assert.deepEqual(running.lines, numbers(0, 200))
  assert.equal(await committed('restarted'), 200)
})

test('Ctrl-C ends it although no broker is there', async () => {
  const running = new RunningCommand(['consume', 'restarted'], { brokers: cluster.brokers })
  await until('all is printed', () => running.lines.length === 200)
  await cluster.kill(1)
  running.child.kill('SIGINT')
  assert.equal((await running.result()).code, 0)
})
