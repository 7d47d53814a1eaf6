import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parsePort, parseSettings, parseTopics } from '../../src/cli/arguments.ts'
import { describeRequest } from '../../src/cli/request-printer.ts'
import { until } from '../until.ts'
import { command, RunningCommand } from './command.ts'

async function started(...args: readonly string[]): Promise<RunningCommand> {
  const broker = new RunningCommand(['broker', '--port', '0', ...args])
  await until('it says where it is', () => broker.lines.length > 0 || broker.child.exitCode !== null)
  return broker
}

test('the broker command says where it is, serves topics on several nodes, and stops at a signal', async () => {
  const broker = await started('--topics', 'orders:6,payments', '-t', 'audit:2', '--nodes', '3')
  const brokers = /^brokers {2}((?:127\.0\.0\.1:\d+,?){3})$/.exec(broker.lines[0] ?? '')?.[1]?.split(',')
  assert.ok(brokers, broker.stderr)
  const { stdout, stderr } = await command(['topics'], brokers)
  assert.deepEqual(
    [stdout.split('\n').map(line => line.split(/ +/)), stderr],
    [
      [
        ['TOPIC', 'PARTITIONS', 'REPLICAS', 'MESSAGES'],
        ['audit', '2', '3', '0'],
        ['orders', '6', '3', '0'],
        ['payments', '1', '3', '0'],
        [''],
      ],
      '',
    ],
  )
  broker.child.kill('SIGINT')
  const result = await broker.result()
  assert.deepEqual([result.code, result.stderr], [0, ''])
  assert.match(result.stdout, /^topics {3}orders \(6 partitions\), payments, audit \(2 partitions\)$/m)
  assert.match(result.stdout, /^try it {3}millrace topics list --brokers 127\.0\.0\.1:\d+$/m)
})

test('--json and --log-requests print an object for the start and for each request', async () => {
  const broker = await started('--json', '--log-requests', '--no-auto-create', '--topics', 'orders:2')
  const { brokers, topics } = JSON.parse(broker.lines[0] ?? '')
  assert.deepEqual(topics, { orders: 2 })
  const { code } = await command(['topics', 'describe', 'nothing'], brokers)
  assert.equal(code, 4)
  broker.child.kill('SIGTERM')
  const result = await broker.result()
  assert.deepEqual([result.code, result.stderr], [0, ''])
  const requests = broker.lines.slice(1).map(line => JSON.parse(line))
  assert.deepEqual(requests.map(({ node, clientId, api, outcome }) => [node, clientId, api, outcome]).at(-1), [
    1,
    'millrace',
    'Metadata',
    'answered',
  ])
  assert.deepEqual(requests.at(-1).errors, ['UNKNOWN_TOPIC_OR_PARTITION'])
  assert.match(
    describeRequest(requests.at(-1)),
    /^\d\d:\d\d:\d\d\.\d{3} node 1 millrace Metadata v\d+ nothing: answered after \d+ ms with \d+ bytes, UNKNOWN/,
  )
  assert.match(describeRequest({ ...requests.at(-1), clientId: '\x1b[2J\n' }), /^[^\p{Cc}]+ node 1 \?\[2J\? Metadata/u)
})

test('a port in use is exit code 1, what cannot be served is 2, each with a line that says what to do', async () => {
  await using taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const [used, unknown] = await Promise.all([
    command(['broker', '--port', String(port)]),
    command(['broker', '--port', '0', '--config', 'num.partitons=3']),
  ])
  assert.deepEqual([used.code, used.stdout], [1, ''])
  assert.match(used.stderr, new RegExp(`^millrace: .*127.0.0.1:${port}: .*EADDRINUSE.*Use another --port.*\\n$`))
  assert.deepEqual([unknown.code, unknown.stdout], [2, ''])
  assert.match(unknown.stderr, /^millrace: .*num\.partitons.*known here: .*\n$/)
})

test('topics, ports and settings are read as they are written in the help', () => {
  const refused = { code: 'commander.invalidArgument' }
  assert.deepEqual(
    [...parseTopics('orders:6, payments')],
    [
      ['orders', 6],
      ['payments', null],
    ],
  )
  assert.deepEqual(
    [...parseTopics('b:1', parseTopics('a'))],
    [
      ['a', null],
      ['b', 1],
    ],
  )
  for (const text of ['', 'a:', 'a:0', 'a:x', ':3', 'a b', 'a,,b', 'a:1:2', 'a,a:2'])
    assert.throws(() => parseTopics(text), refused, text)
  assert.deepEqual([parsePort('0'), parsePort('65535')], [0, 65_535])
  for (const text of ['', '-1', '65536', '9092x', '1e3']) assert.throws(() => parsePort(text), refused, text)
  assert.deepEqual(parseSettings('a=b=c', parseSettings('x=')), { x: '', a: 'b=c' })
  for (const text of ['', 'a', '=b']) assert.throws(() => parseSettings(text), refused, text)
})

test('with --tls and users, the broker lets in who trusts it and has a password, and nobody else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  const ca = join(folder, 'ca.pem')
  try {
    const broker = await started('--tls', '--ca-file', ca, '--user', 'shop:a:b', '--sasl', 'PLAIN,SCRAM-SHA-256')
    const [address = ''] = /127\.0\.0\.1:\d+/.exec(broker.lines[0] ?? '') ?? []
    const list = (...more: string[]) => {
      return command(
        ['topics', 'list', '--sasl-mechanism', 'SCRAM-SHA-256', '--sasl-username', 'shop', ...more],
        [address],
      )
    }
    const right = await list('--tls-ca', ca, '--sasl-password', 'a:b')
    assert.deepEqual([right.code, right.stderr], [0, ''])
    assert.notEqual((await list('--tls-ca', ca, '--sasl-password', 'x')).code, 0)
    assert.notEqual((await list('--tls', '--sasl-password', 'a:b')).code, 0)
    broker.child.kill('SIGTERM')
    const { code, stdout } = await broker.result()
    assert.equal(code, 0)
    assert.match(stdout, /^try it .*--tls-ca .*ca\.pem --sasl-mechanism PLAIN --sasl-username shop$/m)
    assert.ok(!stdout.includes('a:b'))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('what cannot be used for TLS or SASL is told, and the broker does not start', async () => {
  for (const [args, says] of [
    [['--ca-file', 'ca.pem'], /--ca-file needs --tls/],
    [['--tls-cert', '/no/such/file'], /--tls-cert cannot be read/],
    [['--tls', '--tls-cert', 'x.pem'], /cannot be used with/],
    [['--user', 'shop'], /Expected a name and a password/],
    [['--user', 'shop:x', '--sasl', 'GSSAPI'], /sasl\.mechanisms must be a list of/],
  ] as const) {
    const { code, stderr } = await command(['broker', '--port', '0', ...args])
    assert.equal(code, 2, stderr)
    assert.match(stderr, says)
  }
})
