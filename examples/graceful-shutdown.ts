/**
 * A service with a health page, as a container runs it: SIGTERM drains and commits, and the process ends by itself once nothing is
 * left open. It exits with 1 when the consumer ended with an error.
 *
 *     npm run example -- graceful-shutdown    here, with a broker of its own
 *     BROKERS=localhost:9092 PORT=8080 node graceful-shutdown.ts
 */
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer } from 'millrace'

const shop = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'shop',
  // Together with the last commit (5 s at most) this stays below the 30 s that Kubernetes waits before SIGKILL.
  ownership: { drainMs: 15_000 },
  work: { concurrency: 64, timeoutMs: 10_000, abandonMs: 5_000 },
}).topic('orders', async (_order, { signal }) => {
  // What a handler waits for gets the signal: it ends when the time is over.
  await delay(20, undefined, { signal })
})

const health = createServer((_request, response) => {
  const { status, error, partitions, commits } = shop.state()
  const healthy = status === 'running' && error === null && commits?.overdue !== true
  const waiting = partitions.flatMap(({ topic, partition, waitsFor }) =>
    waitsFor.map(wait => `${topic}[${partition}] waits: ${wait.for} ${wait.cause ?? ''}`),
  )
  response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ status, error: error?.message, waiting }))
}).listen(Number(process.env.PORT ?? 8080))

shop.on('closed', ({ drained, undone }) => {
  console.log(drained ? 'drained and committed' : `${undone} handlers did not end; their messages come again`)
})

try {
  await shop.run({ handleSignals: true })
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  health.close()
}
