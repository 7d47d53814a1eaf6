import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child } from './child.ts'
import { quickJvm, startJava } from './java.ts'

const source = join(import.meta.dirname, 'java/Node.java')
const startedLog = '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info'
const startMs = 60_000

export interface NodeSettings {
  readonly version: string
  readonly clusterId: string
  readonly folder: string
  readonly jvm: readonly string[] | undefined
  readonly properties: Readonly<Record<string, string>>
}

/** A file of properties; certificates have lines. */
export function propertiesText(entries: Readonly<Record<string, string>>): string {
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('')
}

/** One broker and controller in a process of its own. */
export class KafkaNode {
  readonly id: number
  readonly #settings: NodeSettings
  #child: Child | undefined

  constructor(id: number, settings: NodeSettings) {
    this.id = id
    this.#settings = settings
  }

  get running(): boolean {
    return this.#child?.running ?? false
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when the node takes requests. */
  async start(): Promise<void> {
    const { version, clusterId, folder, jvm, properties } = this.#settings
    const data = join(folder, `node-${this.id}`)
    const file = join(folder, `node-${this.id}.properties`)
    await mkdir(data, { recursive: true })
    await writeFile(file, propertiesText({ ...properties, 'log.dirs': data }))
    const process = await startJava('Node', [clusterId, file, data], {
      version,
      sources: [source],
      jvm: [...(jvm ?? quickJvm(512)), startedLog],
    })
    const started = Promise.withResolvers<'started'>()
    const child = new Child(`Kafka ${version} node ${this.id}`, process, line => {
      if (line.includes('Kafka Server started')) started.resolve('started')
    })
    this.#child = child
    const late = setTimeout(() => child.end('SIGKILL'), startMs)
    const outcome = await Promise.race([started.promise, child.ended])
    clearTimeout(late)
    if (outcome !== 'started') throw child.failure('did not start')
  }

  kill(): Promise<unknown> {
    return this.#child?.end('SIGKILL') ?? Promise.resolve()
  }

  /** Gives its leaderships away and stops; as a crash when it takes too long. */
  async stop(): Promise<void> {
    const child = this.#child
    if (!child) return
    const late = setTimeout(() => child.end('SIGKILL'), 15_000)
    await child.end('SIGTERM')
    clearTimeout(late)
  }
}
