import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { Crew } from '../kafka/churn.ts'
import { until } from '../until.ts'

test('a process that was stopped for longer than its session begins nothing before the group has it again', async () => {
  await using cluster = await EmbeddedCluster.start()
  const options = {
    topic: 'orders',
    partitions: 2,
    strategy: 'cooperative-sticky',
    perSecond: 2_500,
    sessionTimeoutMs: 1_000,
  }
  await using crew = await Crew.gather(cluster, options)
  const one = crew.join()
  await crew.progress(100)
  one.signal('SIGSTOP')
  crew.join()
  await crew.progress(300)
  const stopped = one.witness.events.length
  one.signal('SIGCONT')
  const since = () => one.witness.events.slice(stopped).map(({ kind }) => kind)
  await until('it has lost its partitions, and has others', () => crew.look() > 0 && since().includes('owns'))
  const all = since()
  assert.ok(all.includes('lost'), `${all}`)
  // It may have been stopped in the midst of starting some.
  const events = all.slice(all.findIndex(kind => kind === 'continued' || kind === 'lost'))
  assert.ok(!events.slice(0, events.indexOf('owns')).includes('begin'), `${events}`)
})
