/**
 * Writes a topic into a database, up to 500 messages in one transaction. Messages may come twice (after a crash, for example), so
 * each row is known by its place in the topic, and a second insert changes nothing.
 *
 *     npm run example -- batch-insert    here, with a broker of its own
 *     BROKERS=localhost:9092 DATABASE=audit.db node batch-insert.ts
 */
import { DatabaseSync } from 'node:sqlite'
import { batch, Consumer, string } from 'millrace'

const database = new DatabaseSync(process.env.DATABASE ?? 'audit.db')
database.exec(`CREATE TABLE IF NOT EXISTS audit (
  topic TEXT, partition INTEGER, offset INTEGER, at INTEGER, actor TEXT, entry TEXT,
  PRIMARY KEY (topic, partition, offset)
)`)
const insert = database.prepare('INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?)')

const audit = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'audit',
}).topic(
  'audit',
  // The order of the inserts does not matter here, so a message never waits for another one of its key.
  { key: string, value: string, work: { order: 'none' } },
  batch({ messages: 500, lingerMs: 200 }, messages => {
    database.exec('BEGIN')
    try {
      for (const { topic, partition, offset, timestamp, key, value } of messages) {
        insert.run(topic, partition, offset, timestamp, key, value)
      }
      database.exec('COMMIT')
      console.log(`${messages.length} rows`)
    } catch (error) {
      // The batch failed as a whole, and is tried again as a whole.
      database.exec('ROLLBACK')
      throw error
    }
  }),
)

try {
  await audit.run({ handleSignals: true })
} finally {
  database.close()
}
