import { describe } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { transactionTests } from './transactions.ts'

for (const transactionVersion of [1, 2] as const) {
  describe(`transactions of version ${transactionVersion}`, () => {
    transactionTests(options => EmbeddedCluster.start(options, { transactionVersion }))
  })
}
