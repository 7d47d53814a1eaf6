import { test } from 'node:test'
import fc from 'fast-check'
import { happens, stories } from './batch-story.ts'

test('whatever happens: batches keep the order, lose nothing, do nothing twice, and find each message that always fails', async () => {
  await fc.assert(fc.asyncProperty(stories, happens), { seed: 8, numRuns: Number(process.env.RUNS ?? 300) })
})
