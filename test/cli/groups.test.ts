import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { Admin, Consumer } from '../../src/index.ts'
import { encodeGaps } from '../../src/offsets/gap-codec.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Recorder, startClient } from '../client/recorder.ts'
import { type Running, running } from '../spine/running.ts'
import { until } from '../until.ts'
import { command } from './command.ts'

let cluster: EmbeddedCluster
let address: string
const members: Running[] = []

before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { orders: 3 } })
  address = String(cluster.brokers[0])
  await cluster.write(
    'orders',
    [0, 0, 1].map(partition => ({ value: 'x', partition })),
  )
  const consumers = ['worker-1', 'worker-2'].map(instanceId => {
    const ownership = { instanceId, heartbeatIntervalMs: 100 }
    const logger = new Recorder()
    const handle = () => {}
    return new Consumer({ brokers: cluster.brokers, group: 'shop', ownership, logger }).topic('orders', handle)
  })
  for (const consumer of consumers) members.push(running(consumer))
  const owned = () => consumers.flatMap(consumer => consumer.state().partitions).length
  const stable = () => consumers.every(consumer => consumer.state().ownership?.membership?.phase === 'stable')
  const committed = async () => (await cluster.committed('shop')).reduce((sum, { offset }) => sum + offset, 0)
  await until('the group is settled', async () => owned() === 3 && stable() && (await committed()) === 3)
  await using client = startClient({ brokers: cluster.brokers })
  for (const group of ['audit', 'old\x1b[2J']) {
    await new Admin(client).setGroupOffsets(group, [{ topic: 'orders', partition: 2, offset: 0 }])
  }
})
after(async () => {
  for (const member of members) await member[Symbol.asyncDispose]()
  await cluster.close()
})

async function groups(...args: string[]) {
  const { code, stdout, stderr } = await command(['groups', ...args], cluster.brokers)
  const lines = stdout.split('\n').slice(0, -1)
  return {
    code,
    stderr,
    lines,
    cells: lines.map(line => line.split(/ {2,}/)),
    objects: () => lines.map(line => JSON.parse(line)),
  }
}

test('list tells all groups with state and type, sorted, or those in some states', async () => {
  const [alone, unknown, all, empty, json] = await Promise.all([
    groups(),
    groups('shop'),
    groups('list'),
    groups('list', '--state', 'Empty,dead'),
    groups('list', '--state', 'stable', '--json'),
  ])
  assert.deepEqual([alone.lines, unknown.lines, unknown.code], [all.lines, [], 2])
  assert.match(unknown.stderr, /unknown command 'shop'.*millrace groups describe shop/)
  assert.deepEqual(all.cells, [
    ['GROUP', 'STATE', 'TYPE', 'PROTOCOL'],
    ['audit', 'Empty', 'classic', '-'],
    // What others choose cannot control a terminal.
    ['old?[2J', 'Empty', 'classic', '-'],
    ['shop', 'Stable', 'classic', 'consumer'],
  ])
  assert.deepEqual(
    empty.cells.map(([group]) => group),
    ['GROUP', 'audit', 'old?[2J'],
  )
  assert.deepEqual(json.objects(), [{ group: 'shop', type: 'classic', protocolType: 'consumer', state: 'Stable' }])
})

test('describe tells where each partition is, and which member has it', async () => {
  const [both, json] = await Promise.all([groups('describe', 'shop', 'audit'), groups('describe', 'audit', '--json')])
  assert.deepEqual([both.code, both.stderr], [0, ''])
  assert.match(
    both.lines[0] ?? '',
    new RegExp(`^shop: Stable, cooperative-sticky, 2 members, coordinator 1 at ${address}$`),
  )
  const rows = both.lines.slice(1, 5).map(line => line.split(/ +/))
  assert.deepEqual(rows[0], ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG', 'MEMBER', 'CLIENT', 'HOST'])
  assert.deepEqual(
    rows.slice(1).map(row => [...row.slice(0, 5), ...row.slice(6)]),
    [
      ['orders', '0', '2', '2', '0', 'millrace', '127.0.0.1'],
      ['orders', '1', '1', '1', '0', 'millrace', '127.0.0.1'],
      ['orders', '2', '0', '0', '0', 'millrace', '127.0.0.1'],
    ],
  )
  assert.deepEqual(new Set(rows.slice(1).map(row => row[5])), new Set(['worker-1', 'worker-2']))
  assert.equal(both.lines[5], '')
  assert.match(both.lines[6] ?? '', /^audit: Empty, 0 members, coordinator 1 at /)
  assert.deepEqual(both.lines.at(-1)?.split(/ +/), ['orders', '2', '0', '0', '0', '-', '-', '-'])
  const [host, port] = address.split(':')
  assert.deepEqual(json.objects(), [
    {
      group: 'audit',
      type: 'classic',
      protocolType: '',
      state: 'Empty',
      strategy: '',
      coordinator: { nodeId: 1, host, port: Number(port) },
      members: 0,
      partitions: [{ topic: 'orders', partition: 2, committed: 0, end: 0, lag: 0, done: [], tried: [], member: null }],
    },
  ])
})

test('members tells who they are and how many partitions each has, with -v or --json which', async () => {
  const [plain, verbose, json] = await Promise.all([
    groups('members', 'shop'),
    groups('members', 'shop', '-v'),
    groups('members', 'shop', '--json'),
  ])
  assert.deepEqual(plain.cells[0], ['MEMBER', 'INSTANCE', 'CLIENT', 'HOST', 'PARTITIONS'])
  assert.deepEqual(
    plain.cells.slice(1).map(([memberId, ...row]) => [memberId?.slice(0, 9), ...row.slice(0, 3)]),
    ['worker-1', 'worker-2'].map(name => [`${name}-`, name, 'millrace', '127.0.0.1']),
  )
  assert.deepEqual(
    plain.cells
      .slice(1)
      .map(row => Number(row[4]))
      .sort(),
    [1, 2],
  )
  assert.deepEqual(verbose.cells[0]?.at(-1), 'ASSIGNED')
  const assigned = verbose.cells.slice(1).map(row => row.at(-1) ?? '')
  for (const each of assigned) assert.match(each, /^orders\[(\d|0-1|1-2|0,2)\]$/)
  assert.deepEqual(
    json.objects().map(({ instanceId, host }) => [instanceId, host]),
    [
      ['worker-1', '127.0.0.1'],
      ['worker-2', '127.0.0.1'],
    ],
  )
  const partitions = json.objects().flatMap(member => member.partitions)
  assert.deepEqual(partitions.map(({ topic, partition }) => `${topic}[${partition}]`).sort(), [
    'orders[0]',
    'orders[1]',
    'orders[2]',
  ])
})

test('delete takes groups without members, and none of them when one is in use or does not exist', async () => {
  const used = await groups('delete', 'audit', 'shop')
  assert.deepEqual([used.code, used.lines], [1, []])
  assert.match(
    used.stderr,
    /^millrace: Group "shop" has members \(state Stable\): worker-\d at 127\.0\.0\.1, worker-\d at .*Nothing was deleted.*\n$/,
  )
  const unknown = await groups('delete', 'audit', 'nothing')
  assert.deepEqual([unknown.code, unknown.lines], [4, []])
  assert.deepEqual((await cluster.committed('audit')).length, 1)
  const deleted = await groups('delete', 'audit', 'old\x1b[2J')
  assert.deepEqual([deleted.code, deleted.stderr, deleted.lines], [0, '', ['deleted audit', 'deleted old?[2J']])
  assert.deepEqual(await cluster.committed('audit'), [])
})

test('reset-offsets shows where a group would go on, and commits that only when told to', async () => {
  const reset = (...args: string[]) => groups('reset-offsets', 'moved', ...args)
  const unknown = await reset('--to', 'earliest')
  assert.deepEqual([unknown.code, unknown.lines], [4, []])
  const shown = await reset('--topic', 'orders', '--to', 'latest')
  assert.deepEqual([shown.code, shown.stderr], [0, 'Nothing was changed. Add --execute to commit it.\n'])
  assert.deepEqual(
    shown.lines.map(line => line.split(/ +/)),
    [
      ['TOPIC', 'PARTITION', 'COMMITTED', 'NEW', 'END', 'LAG'],
      ['orders', '0', '-', '2', '2', '0'],
      ['orders', '1', '-', '1', '1', '0'],
      ['orders', '2', '-', '0', '0', '0'],
    ],
  )
  const committed = async () =>
    (await cluster.committed('moved')).map(({ partition, offset }) => [partition, offset]).sort()
  assert.deepEqual(await committed(), [])
  // What does not exist is moved to where there is something.
  const set = await reset('--topic', 'orders:0-1', '--to', '99', '--execute')
  assert.deepEqual(
    [set.code, set.stderr, await committed()],
    [
      0,
      '',
      [
        [0, 2],
        [1, 1],
      ],
    ],
  )
  const back = await reset('--shift-by', '-1', '--execute', '--json')
  assert.deepEqual(back.objects(), [
    { group: 'moved', topic: 'orders', partition: 0, committed: 2, new: 1, end: 2, done: true },
    { group: 'moved', topic: 'orders', partition: 1, committed: 1, new: 0, end: 1, done: true },
  ])
  const early = await reset('--topic', 'orders:0', '--to', '1990-01-01', '--execute')
  assert.deepEqual([early.code, (await committed())[0]], [0, [0, 0]])
})

test('describe shows what is done above a committed offset and how often the rest was tried, and not what is of another topic', async () => {
  await using client = startClient({ brokers: cluster.brokers })
  const { topics } = await client.metadata(['orders'])
  const topicId = topics.get('orders')?.topicId ?? null
  const done = [1, 3, 5, 7].map(from => ({ from, to: from === 3 ? 5 : from + 1 })).filter(({ from }) => from !== 5)
  const tried = [{ from: 0, to: 1, attempts: 2 }]
  const metadata = (id: string | null) =>
    encodeGaps({ offset: 0, topicId: id, leaderEpoch: 0, done, tried }, 4_096).metadata
  await new Admin(client).setGroupOffsets('gaps', [
    { topic: 'orders', partition: 0, offset: 0, metadata: metadata(topicId) },
    { topic: 'orders', partition: 1, offset: 0, metadata: metadata(Buffer.alloc(16, 1).toString('base64url')) },
  ])
  const [plain, json] = await Promise.all([groups('describe', 'gaps'), groups('describe', 'gaps', '--json')])
  assert.match(plain.lines[1] ?? '', / LAG {2}DONE ABOVE +TRIED +MEMBER/)
  assert.deepEqual(
    plain.lines.slice(2).map(line => line.split(/ +/).slice(5, 7)),
    [
      ['1,3-4,7', '0×2'],
      ['-', '-'],
    ],
  )
  assert.deepEqual(
    json.objects()[0].partitions.map(({ done, tried }: { done: unknown; tried: unknown }) => [done, tried]),
    [
      [done, tried],
      [[], []],
    ],
  )
})

test('what a partition does not tell is not taken for an offset: reset-offsets changes nothing then', async () => {
  const broker = await Broker.start({ topics: { orders: 2 } })
  try {
    const client = startClient({ brokers: broker.brokers })
    await new Admin(client).setGroupOffsets('moved', [{ topic: 'orders', partition: 0, offset: 0 }])
    await client.close()
    broker.fault({ api: 'OffsetFetch', topic: 'orders', partition: 0, action: { error: 'UNSTABLE_OFFSET_COMMIT' } })
    const args = ['groups', 'reset-offsets', 'moved', '--shift-by', '1', '--execute']
    const { code, stderr } = await command(args, broker.brokers)
    assert.deepEqual([code, /UNSTABLE_OFFSET_COMMIT/.test(stderr)], [1, true], stderr)
  } finally {
    await broker.close()
  }
})

test('reset-offsets says where to, names partitions that exist, and is refused while the group has members', async () => {
  const [neither, both, partition, taken] = await Promise.all([
    groups('reset-offsets', 'shop'),
    groups('reset-offsets', 'shop', '--to', 'latest', '--shift-by', '1'),
    groups('reset-offsets', 'shop', '--topic', 'orders:3', '--to', 'latest'),
    groups('reset-offsets', 'shop', '--to', 'earliest', '--execute'),
  ])
  assert.deepEqual([neither.code, both.code, partition.code, taken.code], [2, 2, 4, 1])
  assert.match(taken.stderr, /^millrace: Group "shop" has members .*worker-1.*Nothing was changed\. /)
  assert.deepEqual(
    (await cluster.committed('shop')).reduce((sum, { offset }) => sum + offset, 0),
    3,
  )
})

test('a group that does not exist is exit code 4, wherever it is named', async () => {
  const results = await Promise.all([groups('describe', 'nothing'), groups('members', 'nothing')])
  for (const { code, lines, stderr } of results) {
    assert.deepEqual([code, lines], [4, []])
    assert.match(stderr, /^millrace: Group "nothing" does not exist.*millrace groups list.*\n$/)
  }
})
