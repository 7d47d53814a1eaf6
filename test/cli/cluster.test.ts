import assert from 'node:assert/strict'
import test from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { releaseOf } from '../../src/cli/cluster.ts'
import { command } from './command.ts'

test('cluster tells its id, its controller, and each broker, also one that cannot be reached', async () => {
  await using broker = await Broker.start({ nodes: 2 })
  const { code, stdout, stderr } = await command(['cluster'], broker.brokers)
  assert.deepEqual([code, stderr], [0, ''])
  const [first, second] = broker.brokers
  const rows = stdout.split('\n').map(line => line.trim().split(/ {2,}/))
  assert.match(rows[0]?.join(' ') ?? '', /^cluster [\w-]{22}$/)
  assert.deepEqual(rows.slice(1), [
    ['controller', '1'],
    ['metadata', '4.1 (metadata.version 27)'],
    [''],
    ['NODE', 'ADDRESS', 'RACK', 'KAFKA', 'STATE'],
    ['1', first, '-', '4.1', 'up'],
    ['2', second, '-', '4.1', 'up'],
    [''],
  ])
  broker.fault({ api: 'ApiVersions', node: 2, action: { drop: 'before' } })
  const half = await command(['cluster', '--json'], broker.brokers.slice(0, 1))
  const { brokers } = JSON.parse(half.stdout)
  assert.deepEqual(
    brokers.map(({ nodeId, reachable, release }: { nodeId: number; reachable: boolean; release: string | null }) => {
      return [nodeId, reachable, release]
    }),
    [
      [1, true, '4.1'],
      [2, false, null],
    ],
  )
})

test('configs shows and changes settings of one broker and of all', async () => {
  await using broker = await Broker.start({ nodes: 2, config: { 'num.partitions': '3' } })
  const configs = async (...args: string[]) => {
    const { code, stdout, stderr } = await command(['cluster', 'configs', ...args], broker.brokers)
    return { code, stderr, cells: stdout.split('\n').map(line => line.split(/ {2,}/)) }
  }
  const own = await configs('2')
  assert.deepEqual([own.code, own.stderr], [0, ''])
  assert.deepEqual(
    own.cells.find(([name]) => name === 'node.id'),
    ['node.id', '2', 'STATIC_BROKER_CONFIG'],
  )
  assert.ok(own.cells.some(([name, value]) => name === 'num.partitions' && value === '3'))
  const changed = await configs('default', '--set', 'log.retention.ms=5000')
  assert.deepEqual([changed.code, changed.stderr, changed.cells[0]], [0, '', ['set log.retention.ms=5000']])
  assert.deepEqual((await configs('default')).cells[1], ['log.retention.ms', '5000', 'DYNAMIC_DEFAULT_BROKER_CONFIG'])
  const [unknown, wrong] = await Promise.all([configs('7'), configs('all')])
  assert.deepEqual([unknown.code, wrong.code], [4, 2])
  assert.match(unknown.stderr, /^millrace: The cluster has no broker 7: there are 1, 2\n$/)
  assert.match(wrong.stderr, /id of a broker/)
})

test('a broker is known by the newest metadata version that it has', () => {
  const levels = [null, 6, 7, 14, 19, 21, 25, 27, 29, 40]
  assert.deepEqual(levels.map(releaseOf), [null, null, '3.3', '3.6', '3.7', '3.9', '4.0', '4.1', '4.2', '4.2+'])
})
