import { describe } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { transactionTests } from './transactions.ts'

for (const kind of [1, 2] as const) {
  describe(`transactions of version ${kind}`, () => {
    transactionTests(options => EmbeddedCluster.start(options, { transactionVersion: kind }), { kind })
  })
}
