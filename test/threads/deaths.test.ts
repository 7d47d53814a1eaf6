import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { Consumer, constant, threads } from '../../src/index.ts'
import { quiet, WrittenTopics } from '../consumer/written-topics.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const SEED = 8_2026
const MESSAGES = 150
/** How often each is done, of 100. */
const DEEDS: readonly (readonly [deed: string, weight: number])[] = [
  ['exits', 2],
  ['exits late', 2],
  ['throws', 2],
  ['blocks', 1],
  ['waits', 33],
  ['returns', 60],
]

const topics = new WrittenTopics()
const folder = await mkdtemp(join(tmpdir(), 'millrace-deaths-'))
after(() => rm(folder, { recursive: true }))

test('when threads die at random nothing is lost, and nothing that is not done is committed', async () => {
  const random = seededRandom(SEED)
  const file = join(folder, 'handled')
  await writeFile(file, '')
  const deed = () => {
    const at = random() * 100
    let sum = 0
    for (const [deed, weight] of DEEDS) {
      sum += weight
      if (at < sum) return deed
    }
    return 'returns'
  }
  const topic = await topics.make(
    Array.from({ length: MESSAGES }, () => {
      const value = JSON.stringify({ deed: deed(), file })
      return { key: random() < 0.2 ? null : `k${Math.floor(random() * 20)}`, value }
    }),
  )
  const consumer = new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    group: topic,
    offsets: { commitIntervalMs: 5 },
    // What is blocked is ended soon, and what is only slow has attempts enough.
    work: { threads: 3, timeoutMs: 400, abandonMs: 100, attempts: 1_000, backoff: constant(1) },
  })
  consumer.topic({ topic, partitions: [0] }, threads(new URL('./handlers/mortal.ts', import.meta.url)))
  const early: string[] = []
  consumer.on('committed', offsets => {
    const handled = new Set(readFileSync(file, 'utf8').split('\n').map(Number))
    for (const { offset } of offsets) {
      for (let below = 0; below < offset; below++) {
        if (!handled.has(below)) early.push(`${offset} was committed before ${below} was handled`)
      }
    }
  })
  await using run = running(consumer)
  await until(
    'all is committed',
    () => {
      if (run.error !== null) throw run.error
      return consumer.state().partitions[0]?.committed === MESSAGES
    },
    120_000,
  )
  assert.deepEqual(early, [], `seed ${SEED}`)
  const handled = (await readFile(file, 'utf8')).trim().split('\n').map(Number)
  assert.deepEqual(
    [...new Set(handled)].sort((a, b) => a - b),
    [...Array(MESSAGES).keys()],
    `seed ${SEED}`,
  )
  assert.ok((consumer.state().threads?.replaced ?? 0) > 5)
})
