import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Broker } from '../../src/broker/index.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { until } from '../until.ts'
import { command, RunningCommand } from './command.ts'

let broker: Broker
let producer: TestProducer
let folder: string
const started: RunningCommand[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-run-'))
  const topics = { orders: 4, dying: 4, orphaned: 2, slow: 1, fenced: 1, 'audit.a': 1, 'audit.b': 1 }
  broker = await Broker.start({ topics, config: { 'group.initial.rebalance.delay.ms': '0' } })
  producer = new TestProducer(broker.brokers)
  // Types are what Node strips.
  await module(
    'handler.ts',
    `export default async function handle(message: { rawValue: Buffer }): Promise<void> {
      await new Promise<void>(resolve => setTimeout(resolve, 2))
      console.log(process.pid + ' ' + message.rawValue)
    }
    export const consumer = { ownership: { heartbeatIntervalMs: 100 } }`,
  )
})
after(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await broker.close()
  await rm(folder, { recursive: true })
})
function module(name: string, code: string): Promise<void> {
  return writeFile(join(folder, name), code)
}

/** Values FIRST… to four partitions in turn. */
async function write(topic: string, first: number, end: number): Promise<void> {
  const numbers = Array.from({ length: end - first }, (_, index) => first + index)
  await producer.write(
    topic,
    numbers.map(number => ({ value: String(number), partition: number % 4 })),
    {},
  )
}

async function committed(group: string): Promise<number> {
  return (await broker.committed(group)).reduce((sum, { offset }) => sum + offset, 0)
}

/** `millrace run` with two processes, unless told otherwise. */
class Run extends RunningCommand {
  constructor(name: string, ...args: readonly string[]) {
    super(['run', join(folder, name), '--json', '--processes', '2', ...args], { brokers: broker.brokers })
    started.push(this)
  }

  /** What was told of the processes, of one kind. */
  events(kind: string): { process: number; pid: number; [name: string]: unknown }[] {
    const lines = this.stderr.split('\n').filter(line => line.startsWith('{'))
    return lines.map(line => JSON.parse(line)).filter(({ event }) => event === kind)
  }

  /** Pids of those that run now; it waits until all do. */
  async pids(processes = 2): Promise<number[]> {
    const last = () => {
      const all = [...this.events('running'), ...this.events('died'), ...this.events('ended')]
      const gone = new Set(all.filter(({ event }) => event !== 'running').map(({ pid }) => pid))
      return this.events('running')
        .filter(({ pid }) => !gone.has(pid))
        .map(({ pid }) => pid)
    }
    await until('all run', () => last().length === processes || this.child.exitCode !== null)
    assert.equal(last().length, processes, this.stderr)
    return last()
  }

  get values(): number[] {
    return this.lines.map(line => Number(line.split(' ')[1])).sort((a, b) => a - b)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function numbers(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index)
}

// Most of their time they wait for processes.
suite('millrace run', { concurrency: 2 }, () => {
  test('SIGHUP replaces all processes: the generation stays, no message is handled twice; SIGTERM commits and leaves', async () => {
    const run = new Run('handler.ts', '-t', 'orders', '-g', 'orders', '--instance-prefix', 'w')
    const before = await run.pids()
    await write('orders', 0, 200)
    await until('both handle', () => new Set(run.lines.map(line => line.split(' ')[0])).size === 2)
    await until('the group is settled', () => run.values.length === 200)
    const { generation, members } = await broker.group('orders').until('Stable', 2)
    assert.deepEqual(members.map(({ instanceId }) => instanceId).sort(), ['w-1', 'w-2'])
    run.child.kill('SIGHUP')
    let written = 200
    for (; run.events('restarted').length === 0; written += 40) {
      await write('orders', written, written + 40)
      await delay(50)
      assert.ok((await broker.group('orders').now()).members.length === 2)
    }
    const after = await run.pids()
    assert.equal(new Set([...before, ...after]).size, 4)
    assert.ok(!before.some(isAlive))
    await until('all is handled', () => run.values.length >= written)
    assert.deepEqual(run.values, numbers(written))
    assert.equal((await broker.group('orders').until('Stable', 2)).generation, generation)

    await write('orders', written, written + 100)
    run.child.kill('SIGTERM')
    const { code, stdout } = await run.result()
    assert.equal(code, 0, run.stderr)
    const handled = stdout.split('\n').length - 1
    assert.deepEqual([await committed('orders'), new Set(run.values).size], [handled, handled])
    assert.equal((await broker.group('orders').now()).state, 'Empty')
    assert.ok(!after.some(isAlive))
  })

  test('a config file says the group, and is read anew for each process', async () => {
    const config = join(folder, 'run.yaml')
    const say = (clientId: string) => writeFile(config, `group: configured\nclientId: ${clientId}\n`)
    await say('before')
    const run = new Run('handler.ts', '-t', 'orders', '--processes', '1', '--config', config)
    await run.pids(1)
    assert.equal((await broker.group('configured').now()).members.length, 1)
    const clients = new Set<string | null>()
    const stopListening = broker.onRequest(({ clientId }) => clients.add(clientId))
    await until('it heartbeats', () => clients.has('before'))
    await say('after')
    run.child.kill('SIGHUP')
    await until('all are restarted', () => run.events('restarted').length > 0)
    assert.ok(clients.has('after'))
    stopListening()
    run.child.kill('SIGTERM')
    assert.equal((await run.result()).code, 0, run.stderr)
  })

  test('a process that is killed is started again in its place, and nothing is lost', async () => {
    const run = new Run('handler.ts', '-t', 'dying', '-g', 'dying')
    const [first = 0, second = 0] = await run.pids()
    await write('dying', 0, 200)
    await until('some is handled', () => run.values.length > 50)
    process.kill(first, 'SIGKILL')
    // Signals are for the supervisor.
    process.kill(second, 'SIGTERM')
    process.kill(second, 'SIGINT')
    await write('dying', 200, 400)
    await until('all is handled', () => new Set(run.values).size === 400)
    assert.partialDeepStrictEqual(run.events('died'), [{ pid: first, signal: 'SIGKILL' }])
    const now = await run.pids()
    assert.deepEqual([now.length, now.includes(second), now.includes(first)], [2, true, false])
    run.child.kill('SIGINT')
    assert.equal((await run.result()).code, 0, run.stderr)
    assert.equal(await committed('dying'), 400)
  })

  test('when the supervisor is killed, its processes commit, leave the group and end', async () => {
    const run = new Run('handler.ts', '-t', 'orphaned', '-g', 'orphaned')
    const pids = await run.pids()
    assert.equal((await broker.group('orphaned').now()).members.length, 2)
    run.child.kill('SIGKILL')
    await until('they are gone', () => !pids.some(isAlive))
    assert.equal((await broker.group('orphaned').now()).state, 'Empty')
  })

  test('a second signal does not wait for handlers', async () => {
    await module('slow.ts', "export default () => new Promise(() => console.log('- 0'))")
    await producer.write('slow', [{ value: 'x' }], {})
    const run = new Run('slow.ts', '-t', 'slow', '-g', 'slow', '-n', '1', '--from', 'earliest', '--concurrency', '2')
    await until('it is handled', () => run.lines.length === 1)
    run.child.kill('SIGTERM')
    await until('it stops', () => run.events('stopping').length === 1)
    run.child.kill('SIGTERM')
    assert.equal((await run.result()).code, 0, run.stderr)
    assert.equal(await committed('slow'), 0)
  })

  test('who takes the place of another in the group ends it, and goes on', async () => {
    const args = ['-t', 'fenced', '-g', 'fenced', '-n', '1', '--instance-prefix', 'same']
    const first = new Run('handler.ts', ...args)
    await first.pids(1)
    const second = new Run('handler.ts', ...args)
    const { code, stderr } = await first.result()
    assert.equal(code, 1)
    assert.match(stderr, /millrace: Another process joined group fenced with the instance id same-1/)
    await second.pids(1)
    assert.deepEqual(
      (await broker.group('fenced').now()).members.map(({ instanceId }) => instanceId),
      ['same-1'],
    )
    second.child.kill('SIGTERM')
    assert.equal((await second.result()).code, 0, second.stderr)
  })

  test('a module may export a batch, options of its route and of the consumer; a pattern takes in all that matches', async () => {
    const source = new URL('../../src/index.ts', import.meta.url).href
    await module(
      'batch.ts',
      `import { batch, string } from '${source}'
      export default batch({ messages: 10, lingerMs: 10 }, messages => {
        for (const { topic, value } of messages) console.log(topic + ' ' + value)
      })
      export const options = { value: { deserialize: (bytes: Buffer) => string.deserialize(bytes) + '0' } }
      export const consumer = { offsets: { start: 'latest', commitIntervalMs: 10 } }`,
    )
    const run = new Run('batch.ts', '--pattern', '^audit\\.', '-g', 'audit', '-n', '1', '--from', 'earliest')
    await producer.write('audit.a', [{ value: '1' }], {})
    await producer.write('audit.b', [{ value: '2' }], {})
    await until('both are handled', () => run.lines.length === 2)
    assert.deepEqual(run.lines.toSorted(), ['audit.a 10', 'audit.b 20'])
    await until('both are committed', async () => (await committed('audit')) === 2)
    run.child.kill('SIGTERM')
    assert.equal((await run.result()).code, 0, run.stderr)
  })

  test('it ends with the cause when no process comes up, and starts none for a topic that does not exist', async () => {
    await module('broken.ts', 'export default () => {}\nnothing.here()\n')
    const [broken, nowhere] = await Promise.all(
      ['orders', 'nowhere'].map(topic => {
        return command(['run', join(folder, 'broken.ts'), '-n', '2', '-t', topic, '-g', 'broken'], broker.brokers)
      }),
    )
    assert.deepEqual([broken?.code, nowhere?.code], [1, 4])
    assert.match(broken?.stderr ?? '', /\nmillrace: .*broken\.ts does not load: ReferenceError: .*broken\.ts:2:1\)\n$/)
    assert.match(nowhere?.stderr ?? '', /^millrace: Topic "nowhere" does not exist.*\n$/)
    assert.equal((await broker.group('broken').now()).state, 'Dead')
  })
})
