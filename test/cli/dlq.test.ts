import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { comparePlaces } from '../../src/base/topic-partition.ts'
import { Consumer, deadLetter, type Message, Poison, systemClock } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'
import { command } from './command.ts'

let cluster: EmbeddedCluster
const quiet = new StderrLogger('silent', systemClock)

before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { orders: 2, mails: 1, dead: 2, other: 1 } })
  await cluster.write('orders', [
    { key: 'a', value: '0', partition: 0 },
    { key: 'b', value: '1', partition: 1, headers: [['trace', 't1']] },
    { key: 'b', value: Buffer.from([0, 255]), partition: 1 },
  ])
  await cluster.write('mails', [{ key: null, value: 'm', partition: 0 }])
  const consumer = new Consumer({
    brokers: cluster.brokers,
    group: 'shop',
    logger: quiet,
    work: { concurrency: 1, onFailure: deadLetter('dead') },
  })
  consumer.topic('orders', ({ offset, partition }) => {
    if (partition === 1) throw new Poison(`no ${offset}`)
  })
  consumer.topic('mails', () => {
    throw Object.assign(new Poison('x'), { message: 'the mail server is down\x1b[2J' })
  })
  await using _ = running(consumer)
  await until('all failed', () => consumer.state().work.kept === 3)
  // One that says nothing of itself.
  await cluster.write('dead', [{ key: 'z', value: 'stray', partition: 0 }])
})
after(() => cluster.close())

/** All of a topic. */
async function read(topic: string): Promise<Message[]> {
  const messages: Message[] = []
  const consumer = new Consumer({ brokers: cluster.brokers, logger: quiet, work: { order: 'none' } })
  consumer.topic(topic, message => void messages.push(message))
  await using _ = running(consumer)
  await until('all is read', () => lag(consumer) === 0)
  return messages.sort(comparePlaces)
}

async function dlq(...args: string[]) {
  const { code, stdout, stderr } = await command(['dlq', ...args], cluster.brokers)
  const lines = stdout.split('\n').slice(0, -1)
  return { code, stderr, lines, objects: () => lines.map(line => JSON.parse(line)) }
}

test('list tells where each letter came from and why it failed, those that are meant, and how many of each kind', async () => {
  const [all, json, some, most, summary] = await Promise.all([
    dlq('list', 'dead'),
    dlq('list', 'dead', '--json'),
    dlq('list', 'dead', '--origin', 'orders', '--error', 'no 1$', '--reason', 'error', '--json'),
    dlq('list', 'dead', '--max', '2'),
    dlq('list', 'dead', '--summary'),
  ])
  assert.deepEqual([all.code, all.stderr, all.lines.length], [0, '', 4])
  const mail = all.lines.find(line => line.includes('mails')) ?? ''
  // What others choose cannot control a terminal.
  assert.match(
    mail,
    /^\d:\d+ {2}20\d\d-.*Z {2}mails\[0\] offset 0 {2}1 attempt {2}error {2}Poison: the mail server is down\?\[2J$/,
  )
  assert.match(all.lines.find(line => line.endsWith('-  -  -  -')) ?? '', /^0:\d+ {2}20\d\d/)
  const [first] = json.objects().filter(({ value }) => value === '1')
  const { origin, group, attempts, reason, error, key } = first
  assert.deepEqual(
    { origin, group, attempts, reason, error, key },
    {
      origin: { topic: 'orders', partition: 1, offset: 0 },
      ...{ group: 'shop', attempts: 1, reason: 'error', error: 'Poison: no 0', key: 'b' },
    },
  )
  assert.deepEqual(
    some.objects().map(({ error }) => error),
    ['Poison: no 1'],
  )
  assert.equal(most.lines.length, 2)
  const cells = summary.lines.map(line => line.split(/ {2,}/).slice(0, 4))
  assert.deepEqual(cells[0], ['ORIGIN', 'REASON', 'ERROR', 'LETTERS'])
  assert.deepEqual(cells[1], ['orders', 'error', 'Poison', '2'])
})

test('show tells all of one letter, and that there is none', async () => {
  const letters = (await dlq('list', 'dead', '--origin', 'orders', '--json')).objects()
  const places = letters.map(({ partition, offset }) => `dead:${partition}:${offset}`)
  const [plain, bytes, none, wrong] = await Promise.all([
    dlq('show', places[0] ?? ''),
    dlq('show', places[1] ?? ''),
    dlq('show', 'dead:0:999'),
    dlq('show', 'dead'),
  ])
  assert.deepEqual([plain.code, plain.stderr], [0, ''])
  assert.ok(
    plain.lines.includes('origin: orders[1] offset 0') && plain.lines.includes('header trace: t1'),
    `${plain.lines}`,
  )
  assert.ok(plain.lines.includes('value: 1') && plain.lines.includes('error: Poison: no 0'))
  assert.ok(bytes.lines.includes('value: base64 AP8='))
  assert.equal(none.code, 4)
  assert.match(none.stderr, /^millrace: dead\[0\] has no message at offset 999: /)
  assert.deepEqual([wrong.code, /expected TOPIC:PARTITION:OFFSET/.test(wrong.stderr)], [2, true])
})

test('replay shows what it would write, and writes it as it was when told to, once with a group', async () => {
  const filter = ['--origin', 'orders']
  const shown = await dlq('replay', 'dead', ...filter)
  assert.deepEqual([shown.code, shown.lines], [0, ['TOPIC   LETTERS', 'orders        2']])
  assert.equal(shown.stderr, 'Nothing was written. Add --execute to write them.\n')
  assert.equal((await read('orders')).length, 3)
  const done = await dlq('replay', 'dead', ...filter, '--group', 'again', '--execute', '--json')
  assert.deepEqual([done.code, done.objects()], [0, [{ topic: 'orders', letters: 2, done: true }]])
  const written = (await read('orders')).filter(({ partition, offset }) => partition === 1 && offset >= 2)
  assert.deepEqual(
    written.map(({ key, value, headers }) => [String(key), value?.toString('hex'), headers.raw.length]),
    [
      ['b', '31', 1],
      ['b', '00ff', 0],
    ],
  )
  const again = await dlq('replay', 'dead', ...filter, '--group', 'again', '--execute', '--json')
  assert.deepEqual([again.code, again.objects()], [0, []])
})

test('letters that do not say where they came from are left out, and told; --to says where', async () => {
  const homeless = await dlq('replay', 'dead', '--execute', '--origin', 'nothing')
  assert.deepEqual([homeless.code, homeless.lines], [0, ['TOPIC  WRITTEN']])
  const all = await dlq('replay', 'dead', '--json')
  assert.equal(all.code, 1)
  assert.match(
    all.stderr,
    /^millrace: 1 letter left out: what failed there does not say where it came from\. Say where to with --to\n$/,
  )
  const to = await dlq('replay', 'dead', '--to', 'other', '--rate', '1000', '--execute', '--json')
  assert.deepEqual([to.code, to.objects()], [0, [{ topic: 'other', letters: 4, done: true }]])
  assert.equal((await read('other')).length, 4)
  const missing = await dlq('replay', 'dead', '--to', 'missing', '--delivery-timeout', '0.3', '--execute')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /The letter at dead\[\d\] offset \d+ could not be written to missing: /)
})
