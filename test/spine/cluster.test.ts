import { Consumer, string } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'
import { clusterTests, type Outsider, type ReadMessage } from './cluster.ts'
import { running } from './running.ts'

function outsider({ brokers }: Cluster): Outsider {
  return {
    async read(topic, count, { committedOnly, group } = {}) {
      const read: ReadMessage[] = []
      const match = group === undefined ? topic : { topic, partitions: [0] }
      const isolation = committedOnly ? 'read_committed' : 'read_uncommitted'
      const options = {
        brokers,
        logLevel: 'silent',
        fetch: { isolation },
        ...(group !== undefined && { group }),
      } as const
      const consumer = new Consumer(options).topic(match, { key: string, value: string }, message => {
        const { key, value, timestamp } = message
        read.push({ key, value, timestamp, headers: message.headers.raw.map(([name, bytes]) => `${name}:${bytes}`) })
      })
      await using _ = running(consumer)
      await until(`${count} are read`, () => read.length >= count)
      await consumer.close()
      return read
    },
  }
}

clusterTests(options => EmbeddedCluster.start(options), outsider, ['none', 'gzip', 'zstd'])
