import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { command } from './command.ts'

let cluster: EmbeddedCluster

before(async () => {
  cluster = await EmbeddedCluster.start({ nodes: 3, topics: { orders: 3, old: 1, older: 1, asked: 1 } })
  await cluster.write(
    'orders',
    [0, 0, 1].map(partition => ({ value: 'x', partition })),
  )
  await cluster.truncate('orders', 0, 1)
})
after(() => cluster.close())

async function topics(...args: string[]) {
  const { code, stdout, stderr } = await command(['topics', ...args], cluster.brokers)
  const lines = stdout.split('\n').slice(0, -1)
  return {
    code,
    stderr,
    lines,
    cells: lines.map(line => line.split(/ {2,}/).map(cell => cell.trim())),
    objects: () => lines.map(line => JSON.parse(line)),
  }
}

/** Names of topics that there are. */
async function names(): Promise<string[]> {
  return (await topics('list', '--json')).objects().map(({ topic }) => topic)
}

test('list tells all topics with what they hold, and is what topics alone does', async () => {
  const [alone, list, json] = await Promise.all([topics(), topics('list'), topics('list', '--json')])
  assert.deepEqual([list.code, list.stderr, alone.lines], [0, '', list.lines])
  assert.deepEqual(list.cells[0], ['TOPIC', 'PARTITIONS', 'REPLICAS', 'MESSAGES'])
  assert.deepEqual(
    list.cells.find(([topic]) => topic === 'orders'),
    ['orders', '3', '3', '2'],
  )
  const orders = json.objects().find(({ topic }) => topic === 'orders')
  assert.match(orders.topicId, /^[\w-]{22}$/)
  assert.deepEqual([orders.messages, orders.partitions[0].earliest, orders.partitions[0].latest], [2, 1, 2])
})

test('what is no command of topics is refused, and told how to see a topic of that name', async () => {
  const { code, stderr, lines } = await topics('orders')
  assert.deepEqual([code, lines], [2, []])
  assert.match(
    stderr,
    /^millrace: unknown command 'orders': millrace topics has list, .*millrace topics describe orders\n$/,
  )
})

test('create makes topics as asked, tells each, and waits for their leaders', async () => {
  const created = await topics('create', 'made', 'made-too', '-p', '2', '-r', '2', '-s', 'retention.ms=5', '--wait')
  assert.deepEqual(
    [created.code, created.stderr, created.lines],
    [0, '', ['created made (2 partitions, 2 replicas)', 'created made-too (2 partitions, 2 replicas)']],
  )
  const [described] = (await topics('describe', 'made', '--json')).objects()
  assert.deepEqual([described.partitions.length, described.configs], [2, { 'retention.ms': '5' }])
  assert.equal(described.partitions[0].replicas.length, 2)
  const again = await topics('create', 'made', 'plain', '--json')
  assert.equal(again.code, 1)
  assert.deepEqual(
    again.objects().map(({ created }) => created),
    ['plain'],
  )
  assert.match(again.stderr, /^millrace: 1 of 2 topics were not created: creating topic made .*already exists.*\n$/)
  const kept = await topics('create', 'made', '--if-not-exists', '--wait')
  assert.deepEqual([kept.code, kept.stderr, kept.lines], [0, '', ['exists made']])
  const tried = await topics('create', 'tried', '-p', '4', '--dry-run', '--json')
  assert.deepEqual(tried.objects()[0], { possible: 'tried', topicId: null, partitions: 4, replicas: 3 })
  assert.equal((await names()).includes('tried'), false)
})

test('describe tells what is set for a topic and where its partitions are', async () => {
  const { code, lines, stderr } = await topics('describe', 'orders', 'old')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(lines[0] ?? '', /^orders: 3 partitions, 3 replicas, 2 messages, id [\w-]{22}$/)
  assert.deepEqual(lines[1]?.split(/ +/), ['PARTITION', 'LEADER', 'REPLICAS', 'IN-SYNC', 'EARLIEST', 'LATEST'])
  assert.match(lines[2] ?? '', /^ +0 +1 +1,2,3 +1,2,3 +1 +2$/)
  assert.match(lines.at(-3) ?? '', /^old: 1 partition, 3 replicas, 0 messages, id /)
})

test('describe tells of a topic whose settings may not be seen', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 } })
  broker.fault({ api: 'DescribeConfigs', action: { error: 'TOPIC_AUTHORIZATION_FAILED' } })
  const [text, json] = await Promise.all([
    command(['topics', 'describe', 'orders'], broker.brokers),
    command(['topics', 'describe', 'orders', '--json'], broker.brokers),
  ])
  assert.deepEqual([text.code, text.stderr], [0, ''])
  assert.match(text.stdout, /^orders: 1 partition, .*, settings may not be seen\n/)
  assert.equal(JSON.parse(json.stdout).configs, null)
})

test('alter adds partitions, and is no failure when they are there already', async () => {
  const tried = await topics('alter', 'older', '-p', '3', '--dry-run')
  assert.deepEqual([tried.code, tried.lines], [0, ['older could have 3 partitions (before: 1)']])
  const altered = await topics('alter', 'older', '-p', '2', '--wait')
  assert.deepEqual([altered.code, altered.stderr, altered.lines], [0, '', ['older has 2 partitions (before: 1)']])
  const same = await topics('alter', 'older', '-p', '2', '--json')
  assert.deepEqual(same.objects(), [{ topic: 'older', partitions: 2, before: 2, dryRun: false }])
  const fewer = await topics('alter', 'older', '-p', '1')
  assert.deepEqual([fewer.code, fewer.lines], [1, []])
  assert.match(fewer.stderr, /INVALID_PARTITIONS/)
})

test('configs shows what is set, with --all what is inherited too, and changes settings all or none', async () => {
  const configs = (...args: string[]) => topics('configs', 'orders', ...args)
  assert.deepEqual((await configs()).cells, [['NAME', 'VALUE', 'SOURCE']])
  const changed = await configs('--set', 'retention.ms=50', '--append', 'cleanup.policy=compact')
  assert.deepEqual(
    [changed.code, changed.stderr, changed.lines],
    [0, '', ['set retention.ms=50', 'append cleanup.policy=compact']],
  )
  assert.deepEqual((await configs()).cells.slice(1), [
    ['cleanup.policy', 'delete,compact', 'DYNAMIC_TOPIC_CONFIG'],
    ['retention.ms', '50', 'DYNAMIC_TOPIC_CONFIG'],
  ])
  const wrong = await configs('--set', 'segment.ms=soon', '--delete', 'retention.ms')
  assert.deepEqual([wrong.code, wrong.lines], [1, []])
  assert.match(wrong.stderr, /segment\.ms.*Nothing was changed\. .*--all/)
  const tried = await configs('--delete', 'retention.ms', '--dry-run')
  assert.deepEqual(tried.lines, ['could delete retention.ms'])
  const taken = await configs('--delete', 'retention.ms', '--subtract', 'cleanup.policy=compact', '--json')
  const changes = { 'cleanup.policy': { subtract: 'compact' }, 'retention.ms': null }
  assert.deepEqual(taken.objects(), [{ topic: 'orders', changes, dryRun: false }])
  const all = await configs('--all', '--json')
  const retention = all.objects().find(({ name }) => name === 'retention.ms')
  assert.deepEqual([retention.value, retention.source, retention.inherited], ['604800000', 'DEFAULT_CONFIG', true])
  const twice = await configs('--set', 'retention.ms=1', '--delete', 'retention.ms')
  assert.deepEqual([twice.code, twice.lines], [2, []])
})

test('delete needs --yes where nobody can be asked, and deletes all or, when one does not exist, none', async () => {
  const unasked = await topics('delete', 'old')
  assert.deepEqual([unasked.code, unasked.lines], [2, []])
  assert.match(unasked.stderr, /^millrace: Delete topic old with all messages\? .*--yes\n$/)
  const unknown = await topics('delete', 'old', 'nowhere', '--yes')
  assert.deepEqual([unknown.code, unknown.lines], [4, []])
  assert.ok((await names()).includes('old'))
  const deleted = await topics('delete', 'old', 'nowhere', '--if-exists', '--yes')
  assert.deepEqual([deleted.code, deleted.stderr, deleted.lines], [0, '', ['deleted old', 'missing nowhere']])
  assert.equal((await names()).includes('old'), false)
})

test('on a terminal delete asks, and nothing is done unless the answer is yes', async t => {
  if (spawnSync('script', ['--version']).error !== undefined) return t.skip('there is no script command here')
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const deleteWith = async (answer: string) => {
    const env = { ...process.env, MILLRACE_BROKERS: cluster.brokers.join() }
    const line = `'${process.execPath}' '${main}' topics delete asked`
    const terminal = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let shown = ''
    terminal.stdout.on('data', chunk => {
      shown += chunk
      if (shown.includes('Delete topic asked with all messages? Type yes: ') && !terminal.stdin.writableEnded) {
        terminal.stdin.end(answer)
      }
    })
    const [code] = await once(terminal, 'close')
    return { shown, code }
  }
  const refused = await deleteWith('no\n')
  assert.equal(refused.code, 1, refused.shown)
  assert.match(refused.shown, /Nothing was done/)
  const interrupted = await deleteWith('\x03')
  assert.equal(interrupted.code, 130, interrupted.shown)
  assert.ok((await names()).includes('asked'))
  const agreed = await deleteWith('yes\n')
  assert.equal(agreed.code, 0, agreed.shown)
  assert.match(agreed.shown, /deleted asked/)
  assert.equal((await names()).includes('asked'), false)
})
