import { join } from 'node:path'
import { runJava } from '../test/kafka/java.ts'
import type { Topic } from './scenarios.ts'

export const PARTITIONS = 8
const VALUE_BYTES = 100

export interface Load {
  readonly messages: number
  /** 0: without keys. */
  readonly keys: number
}

export type Loads = Readonly<Record<Topic, Load>>

/** What is written is no load: so many messages are a pass. */
export const loads: Loads = {
  bench: { messages: 4_000_000, keys: 0 },
  keyed: { messages: 1_000_000, keys: 10_000 },
  written: { messages: 1_000_000, keys: 0 },
}
export const quickLoads: Loads = {
  bench: { messages: 400_000, keys: 0 },
  keyed: { messages: 100_000, keys: 10_000 },
  written: { messages: 100_000, keys: 0 },
}

/** Fills a topic; answers how long it took, in seconds. */
export async function load(brokers: readonly string[], topic: Topic, { messages, keys }: Load): Promise<number> {
  const startedAt = performance.now()
  const source = join(import.meta.dirname, 'java/Loader.java')
  const args = [brokers.join(','), topic, PARTITIONS, messages, VALUE_BYTES, keys].map(String)
  const { code, stderr } = await runJava('Loader', args, { sources: [source], jvm: ['-Xmx512m'] })
  if (code !== 0) throw new Error(`Loading ${topic} failed with ${code}:\n${stderr}`)
  return (performance.now() - startedAt) / 1_000
}
