import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { javaCommand } from '../test/kafka/jars.ts'
import { KAFKA } from './kafka.ts'

const root = join(import.meta.dirname, '..')

/** Where and with what a run was made. */
export interface Machine {
  readonly cpu: string
  readonly cpus: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly java: string
  readonly kafka: string
  readonly peers: Readonly<Record<string, string>>
}

export function machine(): Machine {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, 'package-lock.json'), 'utf8'))
  const peers = ['kafkajs', '@platformatic/kafka', 'node-rdkafka'].map(name => [
    name,
    lock.packages[`node_modules/${name}`].version,
  ])
  const parallel = readFileSync(join(import.meta.dirname, 'java/pom.xml'), 'utf8').match(
    /parallel-consumer-core<\/artifactId>\s*<version>([^<]+)/,
  )
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    java: execFileSync(javaCommand('java'), ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? 'unknown',
    kafka: KAFKA,
    peers: { ...Object.fromEntries(peers), 'parallel-consumer': parallel?.[1] ?? 'unknown' },
  }
}

/** The commit of the sources, marked when they were changed since; null outside a checkout. */
export function commit(): string | null {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim()
    const changed = git('status', '--porcelain', '--', 'src', 'bench', ':!bench/results') !== ''
    return git('rev-parse', '--short=10', 'HEAD') + (changed ? ' and changes' : '')
  } catch {
    return null
  }
}
