import { readFile, writeFile } from 'node:fs/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Journals } from './comparison.ts'
import type { View } from './view.ts'

const file = (name: string) => new URL(`../data/kafka-4.1.1-${name}.json.gz`, import.meta.url)

/** What Kafka 4.1.1 answered when it was last asked: `test/kafka/answers.test.ts` asks it again. */
export async function recorded(name = 'answers'): Promise<Journals> {
  const entries = JSON.parse(gunzipSync(await readFile(file(name))).toString()) as [string, [string, View][]][]
  return new Map(entries.map(([script, steps]) => [script, new Map(steps)]))
}

export async function record(journals: Journals, name = 'answers'): Promise<void> {
  const entries = [...journals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([script, steps]) => [script, [...steps]])
  await writeFile(file(name), gzipSync(JSON.stringify(entries), { level: 9 }))
}
