/**
 * Writes transactions until it is killed: `node transactions.ts BROKERS TOPIC PARTITIONS ID FROM`. Transaction N has the message N for each
 * partition, and a line `N` on stdout once it is committed. Ends with its standard input: no test leaves one behind.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Producer } from '../../../src/index.ts'

const [brokers = '', topic = '', partitions = '', transactionalId = '', from = ''] = process.argv.slice(2)
const producer = new Producer({ brokers: brokers.split(','), transactionalId, logLevel: 'error' })
process.stdin.resume().on('end', () => process.exit(1))

for (let n = Number(from); ; n++) {
  await producer.transaction(async tx => {
    for (let partition = 0; partition < Number(partitions); partition++) {
      await tx.send({ topic, partition, value: String(n) })
      // Some are killed between two messages.
      await delay(n % 3)
    }
  })
  console.log(n)
}
