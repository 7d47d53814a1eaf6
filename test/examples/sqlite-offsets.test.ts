import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { suite, test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { until } from '../until.ts'
import { Programs } from './programs.ts'

const program = join(import.meta.dirname, '../../examples/sqlite-offsets.ts')
const PARTITIONS = 3
const CUSTOMERS = 20

/** Orders of so many customers in turn, with the amounts 1, 2, 3, …, and the example on them, to be killed. */
class Scene implements AsyncDisposable {
  readonly #cluster: EmbeddedCluster
  readonly #folder: string
  readonly #programs = new Programs()
  written = 0

  constructor(cluster: EmbeddedCluster, folder: string) {
    this.#cluster = cluster
    this.#folder = folder
  }

  static async make(): Promise<Scene> {
    const cluster = await EmbeddedCluster.start({ topics: { orders: { partitions: PARTITIONS } } })
    return new Scene(cluster, await mkdtemp(join(tmpdir(), 'millrace-totals-')))
  }

  async write(count: number): Promise<void> {
    const orders = Array.from({ length: count }, (_, n) => {
      const order = this.written + n
      const value = JSON.stringify({ customer: `c${order % CUSTOMERS}`, amount: order + 1 })
      return { key: `c${order % CUSTOMERS}`, value, partition: order % PARTITIONS }
    })
    await this.#cluster.write('orders', orders)
    this.written += count
  }

  /** To the first partition. */
  async writeNonsense(): Promise<void> {
    await this.#cluster.write('orders', [{ key: null, value: 'no order', partition: 0 }])
  }

  start(name: string) {
    return this.#programs.start(program, this.#folder, { BROKERS: this.#cluster.brokers.join(), NAME: name })
  }

  /** Orders that were added up, and the sum of the positions, of one moment. */
  get progress(): { orders: number; next: number } {
    const sql = 'SELECT (SELECT sum(orders) FROM totals) AS orders, (SELECT sum(next) FROM positions) AS next'
    const row = this.#ask(database => database.prepare(sql).get())
    return { orders: Number(row?.orders ?? 0), next: Number(row?.next ?? 0) }
  }

  assertExact(): void {
    assert.deepEqual(this.progress, { orders: this.written, next: this.written })
    const amount = this.#ask(database => database.prepare('SELECT sum(amount) AS amount FROM totals').get())?.amount
    assert.equal(amount, (this.written * (this.written + 1)) / 2)
  }

  positionOf(partition: number): unknown {
    const sql = 'SELECT next FROM positions WHERE partition = ?'
    return this.#ask(database => database.prepare(sql).get(partition))?.next
  }

  /** As another process does that takes on all partitions. */
  takeOver(): void {
    using database = new DatabaseSync(this.#path, { timeout: 5_000 })
    database.exec("UPDATE positions SET owner = 'another'")
  }

  get #path(): string {
    return join(this.#folder, 'totals.db')
  }

  #ask<T>(question: (database: DatabaseSync) => T): T | null {
    try {
      using database = new DatabaseSync(this.#path, { readOnly: true, timeout: 5_000 })
      return question(database)
    } catch {
      // It, or its tables, are not there yet.
      return null
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs.end()
    await this.#cluster.close()
    await rm(this.#folder, { recursive: true })
  }
}

suite('sqlite-offsets', () => {
  test('adds up each order exactly once, however often its processes are killed', async () => {
    await using scene = await Scene.make()
    const random = seededRandom(1)
    const running = new Map(['a', 'b'].map(name => [name, scene.start(name)]))
    for (let round = 0; round < 3; round++) {
      const enough = scene.written + Math.floor(random() * 2_000)
      await scene.write(2_000)
      await until('they work', () => scene.progress.orders >= enough)
      const name = random() < 0.5 ? 'a' : 'b'
      await running.get(name)?.child.end('SIGKILL')
      const { orders, next } = scene.progress
      assert.equal(next, orders, 'the positions are those of the results')
      running.set(name, scene.start(name))
    }
    await until('all is added up', () => scene.progress.orders >= scene.written)
    for (const { lines, child, exited } of running.values()) {
      await until('it has been told what it owns', () => lines.some(line => line.startsWith('adding up ')))
      await child.end('SIGTERM')
      assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    }
    scene.assertExact()
  })

  test('writes nothing for a partition whose position another process took', async () => {
    await using scene = await Scene.make()
    await scene.write(300)
    const { lines, child, exited } = scene.start('a')
    await until('all is added up', () => scene.progress.orders === 300)
    scene.takeOver()
    await scene.write(300)
    await until('it ends, or goes on', () => !child.running || scene.progress.orders > 300)
    assert.deepEqual(scene.progress, { orders: 300, next: 300 })
    assert.deepEqual(await exited, [1, null], lines.join('\n'))
    assert.ok(
      lines.some(line => line.includes('another process owns this partition')),
      lines.join('\n'),
    )
  })

  test('never passes an order that it could not add up', async () => {
    await using scene = await Scene.make()
    await scene.write(30)
    await scene.writeNonsense()
    await scene.write(30)
    for (let run = 0; run < 2; run++) {
      const { lines, exited } = scene.start('a')
      assert.deepEqual(await exited, [1, null], lines.join('\n'))
      assert.ok(
        lines.some(line => line.includes('orders[0] offset 10')),
        lines.join('\n'),
      )
      assert.equal(scene.positionOf(0), 10, 'all before it is done, and it comes again')
    }
  })
})
