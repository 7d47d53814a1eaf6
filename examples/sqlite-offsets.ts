/**
 * What customers ordered is added up in a database, each order exactly once: the sums, and how far the orders were read for them, are
 * written in one transaction. Several processes may share the work, and any of them may be killed at any time.
 *
 *     npm run example -- sqlite-offsets    here, with a broker of its own
 *     BROKERS=localhost:9092 DATABASE=totals.db NAME=totals-1 node sqlite-offsets.ts
 */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { Consumer, json, MillraceError, type OffsetStorage, Poison, type TopicPartition } from 'millrace'

const database = new DatabaseSync(process.env.DATABASE ?? 'totals.db', { timeout: 5_000 })
// What a power cut takes of the last transactions it takes of sums and positions alike, so no write need wait for the disk.
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS totals (customer TEXT PRIMARY KEY, orders INTEGER NOT NULL, amount INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS positions (
    topic TEXT, partition INTEGER, next INTEGER, owner TEXT NOT NULL, PRIMARY KEY (topic, partition)
  );
`)

/** Whoever loads a position owns it, and whoever did before writes nothing any more: not even one that was only asleep. */
const me = randomUUID()
const own = database.prepare(`INSERT INTO positions VALUES (?, ?, NULL, ?)
  ON CONFLICT DO UPDATE SET owner = excluded.owner RETURNING next`)
// It never goes back, as what was added up stays so.
const move = database.prepare(`UPDATE positions SET next = max(ifnull(next, 0), ?)
  WHERE topic = ? AND partition = ? AND owner = ?`)
const add = database.prepare(`INSERT INTO totals VALUES (?, 1, ?)
  ON CONFLICT DO UPDATE SET orders = orders + 1, amount = amount + excluded.amount`)

function isMoved({ topic, partition }: TopicPartition, next: number): boolean {
  return move.run(next, topic, partition, me).changes === 1
}

const storage: OffsetStorage = {
  async load(partitions) {
    return partitions.map(({ topic, partition }) => {
      const next = own.get(topic, partition, me)?.next
      const committed =
        typeof next === 'number' ? { topic, partition, offset: next, leaderEpoch: -1, metadata: '' } : null
      return { topic, partition, committed, error: null }
    })
  },
  // Mostly what the handler has written already; but also where a partition begins, and offsets that hold no message.
  async commit(offsets) {
    return offsets.map(({ topic, partition, offset }) => {
      if (isMoved({ topic, partition }, offset)) return { topic, partition, error: null }
      return { topic, partition, error: new MillraceError('NOT_OWNER', 'another process owns its position') }
    })
  },
}

const totals = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'totals',
  // A process that was killed and comes back under its name has its partitions again at once.
  ownership: { instanceId: process.env.NAME ?? 'totals-1' },
  offsets: { storage },
  // One after another, and none is passed: everything below the next one is added up.
  work: { order: 'partition', onFailure: 'stop' },
}).topic('orders', { value: json() }, order => {
  const { customer, amount } = order.value as { customer: string; amount: number }
  database.exec('BEGIN IMMEDIATE')
  try {
    add.run(customer, amount)
    if (!isMoved(order, order.offset + 1)) throw new Poison('another process owns this partition')
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
})

totals.on('assigned', partitions => {
  console.log(`adding up ${partitions.map(({ topic, partition }) => `${topic}[${partition}]`).join(', ')}`)
})

try {
  await totals.run({ handleSignals: true })
} finally {
  database.close()
}
