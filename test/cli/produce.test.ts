import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer } from '../../src/index.ts'
import type { MessageJson } from '../../src/records/message.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Recorder } from '../client/recorder.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'
import { RunningCommand } from './command.ts'
import { type Chunks, producing } from './in-process.ts'

let cluster: EmbeddedCluster
let folder: string

before(async () => {
  cluster = await EmbeddedCluster.start()
  folder = await mkdtemp(join(tmpdir(), 'millrace-produce-'))
})
after(async () => {
  await cluster.close()
  await rm(folder, { recursive: true })
})

async function topic(name: string, partitions = 1): Promise<string> {
  await cluster.createTopic(name, { partitions })
  return name
}

function produce(args: readonly string[], stdin?: string | Buffer | Chunks) {
  return producing(args, stdin, cluster)
}

/** All that is in a topic, and committed; the order is that of the partitions. */
async function messagesOf(topic: string): Promise<MessageJson[]> {
  const messages: MessageJson[] = []
  const consumer = new Consumer({ brokers: cluster.brokers, fetch: { maxWaitMs: 10 }, logger: new Recorder() })
  consumer.topic(topic, { work: { order: 'partition' } }, message => messages.push(message.toJSON()))
  await using _run = running(consumer)
  await until('all is read', () => lag(consumer) === 0)
  return messages.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}

async function valuesOf(topic: string): Promise<unknown[]> {
  return (await messagesOf(topic)).map(({ value }) => value)
}

function numbers(first: number, end: number): string[] {
  return Array.from({ length: end - first }, (_, index) => String(first + index))
}

test('each line is a message, byte for byte and in order, however it comes', async () => {
  await topic('lines')
  const input = Buffer.from('one\r\ntwo\n\n\xff\x00 \r\r\nlast', 'latin1')
  const chunks = Array.from(input, byte => Buffer.of(byte))
  assert.deepEqual(await produce(['lines'], chunks), { code: 0, stdout: '', stderr: '' })
  const odd = Buffer.from('\xff\x00 \r', 'latin1').toString('base64')
  assert.deepEqual(await valuesOf('lines'), ['one', 'two', '', { base64: odd }, 'last'])
  assert.deepEqual(await produce(['lines'], ''), { code: 0, stdout: '', stderr: '' })
  assert.equal((await valuesOf('lines')).length, 5)
})

test('on a terminal it is said what to do, and what was done', async () => {
  await topic('typed')
  const terminal = { brokers: cluster.brokers, isTTY: true }
  const typed = await producing(['typed'], ['one\n', 'two\n'], terminal)
  assert.deepEqual(typed, {
    code: 0,
    stdout: '',
    stderr: 'millrace: Each line is a message. Ctrl-D ends it\nmillrace: 2 messages written\n',
  })
  const file = join(folder, 'typed')
  await writeFile(file, 'three')
  assert.equal((await producing(['typed', file], '', terminal)).stderr, 'millrace: 1 message written\n')
})

test('files are read one after another, stdin among them, from a line on and up to a number of messages', async () => {
  await topic('files')
  const [first, second] = [join(folder, 'first'), join(folder, 'second')]
  await writeFile(first, '1\n2\n3')
  await writeFile(second, '6\n7\n8\n')
  const args = ['files', first, '-', '--file', second, '--from-line', '2', '--max', '5']
  assert.equal((await produce(args, '4\n5\n')).code, 0)
  assert.deepEqual(await valuesOf('files'), ['2', '3', '4', '5', '6'])
})

test('delimiters may be any bytes; keys, headers and the partition are what the command says', async () => {
  await topic('delimited', 2)
  const args = ['delimited', '-D', '\\0\\x00', '-K', '::', '-Z', '-p', '1', '-H', 'a=1', '-H', 'a=2=3']
  assert.equal((await produce(args, 'k::v::w\n\0\0k2::\0\0::v3')).code, 0)
  assert.equal((await produce(['delimited', '--key', 'all', '-p', '0'], 'a\n\n')).code, 0)
  const headers = [
    ['a', '1'],
    ['a', '2=3'],
  ]
  assert.deepEqual(
    (await messagesOf('delimited')).map(({ partition, key, value, headers }) => ({ partition, key, value, headers })),
    [
      { partition: 0, key: 'all', value: 'a', headers: [] },
      { partition: 0, key: 'all', value: '', headers: [] },
      { partition: 1, key: 'k', value: 'v::w\n', headers },
      { partition: 1, key: 'k2', value: null, headers },
      { partition: 1, key: '', value: 'v3', headers },
    ],
  )
})

test('objects as consume prints them copy a topic to the last byte, or into other partitions', async () => {
  await topic('original', 3)
  await topic('copied', 3)
  await topic('smaller')
  const bytes = Buffer.from([0, 0xff, 10])
  await cluster.write('original', [
    {
      key: 'k',
      value: bytes,
      partition: 2,
      timestamp: 1_234,
      headers: [
        ['h', 'x'],
        ['h', bytes],
        ['n', null],
      ],
    },
    { key: bytes, value: null, partition: 0, timestamp: 5_678 },
    { key: null, value: '{"a":"\\u0000\\n"}', partition: 2, timestamp: 5_679 },
  ])
  const printed = await messagesOf('original')
  const input = `\uFEFF${printed.map(message => JSON.stringify(message)).join('\r\n\n')}\n`
  assert.deepEqual(await produce(['copied', '--input', 'ndjson'], input), { code: 0, stdout: '', stderr: '' })
  assert.deepEqual(
    await messagesOf('copied'),
    printed.map(message => ({ ...message, topic: 'copied' })),
  )
  const refused = await produce(['smaller', '--input', 'ndjson', '--keep-going'], input)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^millrace: 2 of 3 messages .*\(standard input, lines 3, 5\): .*the message names 2\n$/)
  assert.equal((await produce(['smaller', '--input', 'ndjson', '--repartition'], input)).code, 0)
  assert.equal((await messagesOf('smaller')).length, 4)
})

test('objects may name their topics, each of which must exist', async () => {
  await topic('named')
  const object = (topic: string, value: string) =>
    `${JSON.stringify({ topic, value, key: null, headers: { a: 'b' } })}\n`
  const input = object('named', 'one') + object('nowhere', 'two')
  const { code, stderr } = await produce(['--input', 'ndjson', '-k', 'k'], [object('named', 'zero'), input])
  assert.equal(code, 4)
  assert.match(
    stderr,
    /^millrace: Topic "nowhere" does not exist.* 1 message before that was written.*--from-line 2\n$/,
  )
  const [{ key, value, headers } = {}] = (await messagesOf('named')) as Partial<MessageJson>[]
  assert.deepEqual([key, value, headers], [null, 'zero', [['a', 'b']]])
})

test('a whole file is one message', async () => {
  await topic('whole')
  const file = join(folder, 'image')
  await writeFile(file, Buffer.from([10, 0, 255, 10]))
  assert.equal((await produce(['whole', '--input', 'whole', '-k', 'k', file, '-'], ['a\n', 'b\n'])).code, 0)
  assert.deepEqual(await valuesOf('whole'), [{ base64: 'CgD/Cg==' }, 'a\nb\n'])
  const large = await produce(['whole', '--input', 'whole'], Buffer.alloc(2_000_000))
  assert.equal(large.code, 1)
  assert.match(large.stderr, /more than 1048576 bytes/)
})

test('what is no message names its line; all before it is written, and nothing behind it', async () => {
  await topic('wrong')
  const long = 'x'.repeat(2 ** 20 + 1)
  const wrong: [args: string[], input: string | Chunks, message: RegExp][] = [
    [['-K', ':'], 'a:b\nb\nc:d\n', /2 messages.*line 2\): there is no key: --key-delimiter ":" is not in the line/],
    [[], ['ok\n', long, `${long}\nno\n`], /line 2\): it has more than 1048576 bytes/],
    [['--partitioner', 'fixed', '-k', 'abc'], 'a\n', /line 1\): .*'fixed'.*this key has 3/],
  ]
  const objects: [line: string, message: RegExp][] = [
    ['{"value":', /it is not JSON/],
    ['{"valu":"a"}', /'valu' is no field of a message: topic, /],
    ['{"key":"a"}', /value is missing: null is a tombstone/],
    ['{"value":{"a":1}}', /value must be a string, null or .*tojson/],
    ['{"value":{"base64":"%"}}', /value is not base64/],
    ['{"value":"a","headers":[["a"]]}', /a header must be \["name","value"\], not \["a"\]/],
    ['{"value":"a","headers":{"a":1}}', /header 'a' must be a string/],
    ['{"value":"a","partition":-1}', /partition must be a whole number of at least 0, not -1/],
    ['{"value":"a","timestamp":"now"}', /timestamp must be .*not 'now'/],
    ['["a"]', /an object .* is expected, not \['a'\]/],
    ['\xff', /it is not UTF-8/],
  ]
  for (const [line, message] of objects) {
    const input = Buffer.from(`{"value":"ok"}\n${line}\n{"value":"no"}`, 'latin1')
    wrong.push([['--input', 'ndjson'], [input], new RegExp(`line 2\\): .*${message.source}.*--from-line 3`)])
  }
  for (const [args, input, message] of wrong) {
    const { code, stdout, stderr } = await produce(['wrong', ...args], input)
    assert.deepEqual([code, stdout], [1, ''], stderr)
    assert.match(stderr, message)
    assert.match(stderr, /^millrace: 1 of .* message.* could not be written \(standard input, .*\n$/)
  }
  assert.doesNotMatch((await valuesOf('wrong')).join(), /no|d/)
})

test('--keep-going writes what can be, and says which lines were not', async () => {
  await topic('kept')
  const lines = [...numbers(0, 30).map(n => (Number(n) % 2 === 1 ? `k:${n}` : n)), 'k:a', 'k:b']
  const { code, stderr } = await produce(['kept', '-K', ':', '--keep-going'], lines.join('\n'))
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^millrace: 15 of 32 .*\(standard input, lines 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …\): there is no key/,
  )
  assert.doesNotMatch(stderr, /from-line/)
  assert.equal((await valuesOf('kept')).length, 17)
})

test('--json tells of each line, in order, where its message is or why it is nowhere', async () => {
  await topic('told', 2)
  const args = ['told', '--json', '--keep-going', '-K', ':', '--partitioner', 'round-robin']
  const { code, stdout } = await produce(args, 'a:1\nb:2\nc\nd:3\n')
  const told = stdout
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
  for (const each of told) delete each.timestamp
  const error = { code: 'INPUT', message: 'there is no key: --key-delimiter ":" is not in the line', written: 'no' }
  assert.deepEqual(told, [
    { input: '-', line: 1, topic: 'told', partition: 0, offset: 0 },
    { input: '-', line: 2, topic: 'told', partition: 1, offset: 0 },
    { input: '-', line: 3, error },
    { input: '-', line: 4, topic: 'told', partition: 0, offset: 1 },
  ])
  assert.equal(code, 1)
})

test('nobody needs to read what --json tells; where it cannot be written that ends it', async () => {
  await topic('unread')
  const broken = (code: string) =>
    new Writable({ write: (_, __, done) => done(Object.assign(new Error(code), { code })) })
  const run = (code: string) => {
    const stdout = broken(code).on('error', () => {})
    return producing(['unread', '--json'], ['1\n', '2\n'], { brokers: cluster.brokers, stdout })
  }
  assert.deepEqual(await run('EPIPE'), { code: 0, stdout: '', stderr: '' })
  assert.deepEqual(await valuesOf('unread'), ['1', '2'])
  const full = await run('ENOSPC')
  assert.equal(full.code, 1)
  assert.match(full.stderr, /^millrace: The output cannot be written: ENOSPC/)
})

test('a transaction is written as a whole or not at all', async () => {
  await topic('atomic')
  const args = ['atomic', '--transactional-id', 'produce-test', '-K', ':']
  const wrong = await produce(args, ['a:1\n', 'b\n'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /line 2\): there is no key.*The transaction was aborted: nothing of it counts\n$/)
  assert.equal((await produce(args, 'a:2\na:3')).code, 0)
  assert.deepEqual(await valuesOf('atomic'), ['2', '3'])
})

test('a broker that dies is waited for: reading stops, goes on when it is back, and all is written once', async () => {
  await topic('stalled')
  let read = 0
  function* lines() {
    for (; read < 400; read++) {
      if (read === 50) void cluster.kill(1)
      yield `${'x'.repeat(100_000)}${read}\n`
    }
  }
  const done = produce(['stalled', '-X', 'reconnect.backoff.max.ms=50'], lines())
  await until('it has read what fits', () => read > 160)
  await delay(100)
  assert.ok(read < 250, `${read} lines of 100 kB were read`)
  await cluster.restart(1)
  const { code, stderr } = await done
  assert.equal(code, 0)
  assert.match(stderr, /WARN millrace: .*ECONNREFUSED/)
  assert.deepEqual(
    (await valuesOf('stalled')).map(value => String(value).slice(100_000)),
    numbers(0, 400),
  )
})

test('messages that are not written within --delivery-timeout end it, and their lines are told', async () => {
  await topic('late')
  const fault = cluster.broker.fault({ api: 'Produce', topic: 'late', action: { drop: 'before' } })
  const stdin = new PassThrough()
  stdin.write('1\n2\n')
  const done = produce(['late', '--delivery-timeout', '0.4', '--keep-going'], stdin)
  await fault.hit()
  stdin.write('3\n')
  const { code, stderr } = await done
  fault.remove()
  assert.equal(code, 1)
  assert.match(
    stderr,
    /millrace: 3 of 3 messages could not be written \(standard input, lines 1-3\): .*--from-line 4\n$/,
  )
})

test('wrong usage is told before any broker is asked or anything is read', async () => {
  const wrong: [args: string[], message: RegExp][] = [
    [[], /Name the topic: only objects/],
    [['a', '-', '-'], /Standard input \(-\) can be read only once/],
    [['a', join(folder, 'none')], /none cannot be read: ENOENT/],
    [['a', folder], /cannot be read: it is a directory/],
    [['a', '-K', ''], /--key-delimiter.*must not be empty/],
    [['a', '-D', '\\q'], /--delimiter.*\\xHH/],
    [['a', '-K', ':', '-k', 'b'], /The key is given twice/],
    [['a', '--input', 'json'], /Allowed choices are lines, ndjson, whole/],
    [['a', '--input', 'ndjson', '-K', ':'], /--key-delimiter is for --input lines/],
    [['a', '--input', 'whole', '--from-line', '2'], /--from-line is for lines/],
    [['a', '--follow', 'b', 'c'], /--follow reads b alone: leave out c/],
    [['a', '--from-start'], /--from-start is for --follow/],
    [['a', '--repartition'], /--repartition is for --input ndjson/],
    [['a', '-z', 'brotli'], /Allowed choices are none, gzip, snappy, lz4, zstd/],
    [['a', '--acks', '2'], /Allowed choices are all, 1, 0/],
    [['a', '--rate', '0'], /messages per second/],
    [['a', '-p', '0,1'], /number of one partition/],
    [['a', '-H', 'b'], /source=shell/],
    [['a', '--acks', '1', '--transactional-id', 'b'], /idempotent must be true with a transactionalId/],
  ]
  for (const [args, message] of wrong) {
    const { code, stderr } = await producing(args, '', { brokers: ['127.0.0.1:1'] })
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
})

test('a topic or partition that does not exist is exit code 4', async () => {
  await topic('exists', 2)
  const unknown = await produce(['exist'], 'a')
  assert.equal(unknown.code, 4)
  assert.match(unknown.stderr, /^millrace: Topic "exist" does not exist.*"millrace topics create" makes one\n$/)
  const { code, stderr } = await produce(['exists', '-p', '2'], 'a')
  assert.equal(code, 4)
  assert.match(stderr, /exists\[2\] does not exist/)
})

test('--follow writes what is written to a file, through its rotation, until Ctrl-C', async () => {
  await topic('followed')
  const file = join(folder, 'app.log')
  await writeFile(file, `old\n${'x'.repeat(2 ** 20 + 1)}\npart`)
  const running = new RunningCommand(
    ['produce', 'followed', '--follow', file, '--from-start', '--json', '--keep-going'],
    cluster,
  )
  await until('what is there is told', () => running.lines.length === 2)
  await appendFile(file, 'ly\r\n')
  await until('the next one is written', () => running.lines.length === 3)
  await rename(file, `${file}.1`)
  await writeFile(file, 'new\n')
  await until('the last one is written', () => running.lines.length === 4)
  running.child.kill('SIGINT')
  const { code, stderr } = await running.result()
  assert.equal(code, 1)
  assert.match(stderr, /\nmillrace: .*app\.log is another file now: going on with it\n/)
  assert.match(
    stderr,
    /\nmillrace: 1 of 4 messages could not be written \(.*app\.log, byte 4\): it has more than 1048576 bytes.*\n$/,
  )
  assert.deepEqual(await valuesOf('followed'), ['old', 'partly', 'new'])
  assert.deepEqual(
    running.lines.map(line => JSON.parse(line).byte),
    [0, 4, 2 ** 20 + 6, 0],
  )
})

test('Ctrl-C is how --follow ends', async () => {
  await topic('awaited')
  const running = new RunningCommand(['produce', 'awaited', '--follow', join(folder, 'to-come')], cluster)
  await until('it waits', () => running.stderr.includes('waiting for it'))
  running.child.kill('SIGTERM')
  const { code, stderr } = await running.result()
  assert.equal(code, 0)
  assert.match(stderr, /^millrace: .*to-come is not there: waiting for it\n$/)
})

test('Ctrl-C writes what was read, and tells where to go on; a second one waits for nobody', async () => {
  await topic('interrupted')
  const file = join(folder, 'many')
  await writeFile(file, numbers(1, 100_001).join('\n'))
  const running = (...args: string[]) => new RunningCommand(['produce', 'interrupted', file, ...args], cluster)
  const first = running('--rate', '2000', '--json')
  await until('some are written', () => first.lines.length > 100)
  first.child.kill('SIGINT')
  const { code, stderr } = await first.result()
  assert.equal(code, 130)
  const written = Number(/^millrace: Interrupted after (\d+) messages\. /.exec(stderr)?.[1])
  assert.match(stderr, new RegExp(`--from-line ${written + 1}\n$`))
  assert.deepEqual([first.lines.length, (await valuesOf('interrupted')).length], [written, written])

  const fault = cluster.broker.fault({ api: 'Produce', topic: 'interrupted', action: { drop: 'before' } })
  const second = running()
  await fault.hit()
  second.child.kill('SIGINT')
  await until('it waits', () => second.stderr.includes('Waiting until what was read is written'))
  second.child.kill('SIGINT')
  const given = await second.result()
  fault.remove()
  assert.equal(given.code, 130)
  assert.match(given.stderr, /millrace: Interrupted: \d+ of \d+ messages could not be written .*--from-line \d+\n$/)
})
