import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { classPath, compiled, javaCommand, mavenJars } from '../test/kafka/jars.ts'
import { quiet } from '../test/kafka/java.ts'
import type { Measurement, Security, Task } from './measurement.ts'
import type { Contender } from './scenarios.ts'

/** Which processors a process may use; null: all. */
export type Cpus = string | null

const here = import.meta.dirname
const java = (name: string) => join(here, 'java', `${name}.java`)
const PATIENCE_MS = 600_000
/** The JVM chooses its collector by the processors it gets: on one that is the serial one, which also took the least CPU here. */
const jvm = ['-Xms1g', '-Xmx1g', quiet]

/** Runs one contender in a process of its own and answers what it measured. */
export async function launch(contender: Contender, task: Task, kafka: string, cpus: Cpus): Promise<Measurement> {
  return runToEnd<Measurement>(contender.name, await commandOf(contender, task, kafka), cpus)
}

/** Runs a program that prints its result as a last line of JSON. */
export function runToEnd<T>(name: string, command: readonly string[], cpus: Cpus): Promise<T> {
  const [program = '', ...args] = pinned(command, cpus)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const end = endWithUs(child)
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', chunk => {
      stdout += chunk
    })
    child.stderr.setEncoding('utf8').on('data', chunk => {
      stderr = (stderr + chunk).slice(-4_000)
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(late)
      end()
      const line = stdout.trim().split('\n').at(-1) ?? ''
      if (code === 0 && line.startsWith('{')) resolve(JSON.parse(line) as T)
      else reject(new Error(`${name} ended with ${code ?? signal}:\n${stderr.trim() || stdout.trim()}`))
    })
  })
}

const main = process.env.MILLRACE === 'dist' ? '../dist/cli/main.js' : '../src/cli/main.ts'
const millraceBroker = [join(here, main), 'broker', '--port', '0', '--json']

export interface EmbeddedBroker {
  readonly brokers: readonly string[]
  stop(): Promise<void>
}

/** `millrace broker` on a free port, or a program that tells its addresses in the same way. */
export async function startEmbedded(cpus: Cpus, program: readonly string[] = millraceBroker): Promise<EmbeddedBroker> {
  const [command, ...args] = pinned([process.execPath, ...program], cpus)
  const child = spawn(command as string, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = endWithUs(child)
  const ended = once(child, 'close').then(end)
  const [line] = await once(createInterface(child.stdout), 'line')
  const { brokers } = JSON.parse(String(line)) as { brokers: readonly string[] }
  return {
    brokers,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Confines a process that already runs, all its threads. */
export function pin(pid: number, cpus: Cpus): void {
  if (cpus !== null) execFileSync('taskset', ['-acp', cpus, String(pid)])
}

export function canPin(): boolean {
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export function pinned(command: readonly string[], cpus: Cpus): readonly string[] {
  return cpus === null ? command : ['taskset', '-c', cpus, ...command]
}

async function commandOf({ program, handler }: Contender, task: Task, kafka: string): Promise<readonly string[]> {
  const { brokers, topic, partitions, messages, warmSeconds, minSeconds, concurrency } = task
  const inJava = (path: string, ...more: (string | number)[]) => {
    const args = [brokers.join(','), topic, partitions, messages, warmSeconds, minSeconds, ...more].map(String)
    if (task.security !== null) args.push(...properties(task.security))
    return [javaCommand('java'), ...jvm, '-cp', path, program, ...args]
  }
  switch (program) {
    case 'PollLoop':
    case 'Performance':
      return inJava(await classPath(kafka, [java('Measurement'), java(program)]))
    case 'Parallel': {
      const name = 'parallel-consumer'
      const jars = await mavenJars(join(here, 'java/pom.xml'), name)
      const path = await compiled(jars, name, [java('Measurement'), java(program)])
      return inJava(path, concurrency, handler ?? 'no-op')
    }
    case 'SendLoop':
      return inJava(await classPath(kafka, [java('Measurement'), java(program)]), task.concurrency * listSize(handler))
    case 'ProducePerformance':
      return inJava(await classPath(kafka, [java('Measurement'), java(program)]))
    case 'Latency':
      return inJava(await classPath(kafka, [java('Measurement'), java(program)]), ...(handler ? [handler] : []))
    default:
      return [process.execPath, join(here, 'children', `${program}.ts`), JSON.stringify(task)]
  }
}

/** Messages that are sent together. */
function listSize(handler = ''): number {
  return handler.startsWith('single') ? 1 : 1_000
}

/** Settings of Java's client. */
function properties({ tls: { ca }, sasl: { mechanism, username, password } }: Security): string[] {
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule'
  return [
    'security.protocol=SASL_SSL',
    'ssl.truststore.type=PEM',
    `ssl.truststore.certificates=${ca}`,
    `sasl.mechanism=${mechanism}`,
    `sasl.jaas.config=${module} required username="${username}" password="${password}";`,
  ]
}

/** A child must not outlive this process; answers how to undo that. */
export function endWithUs(child: ChildProcess): () => void {
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  return () => process.off('exit', kill)
}
