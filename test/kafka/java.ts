import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { classPath, javaCommand, kafkaVersion } from './jars.ts'

export interface JavaOptions {
  /** Kafka's version whose jars are on the class path; default `KAFKA_VERSION`, else the newest. */
  version?: string
  /** `.java` files to compile first, in the default package; compiled again only when they change. */
  sources?: readonly string[]
  /** Options of the JVM. Default: `quickJvm(256)`. */
  jvm?: readonly string[]
}

export interface JavaResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A small JVM that starts soon rather than runs fast, and logs what is wrong only. */
export function quickJvm(megabytes: number): string[] {
  return [`-Xmx${megabytes}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', quiet]
}

/** Logs warnings and errors only. */
export const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

/**
 * Starts a Java program with Kafka's jars: `org.apache.kafka.tools.ConsumerPerformance`, `kafka.tools.StorageTool`, or the main
 * class of `sources`. In a process group of its own, so that Ctrl-C reaches this process first.
 */
export async function startJava(
  mainClass: string,
  args: readonly string[],
  options: JavaOptions = {},
): Promise<ChildProcessWithoutNullStreams> {
  const path = await classPath(options.version ?? kafkaVersion, options.sources)
  return spawn(javaCommand('java'), [...(options.jvm ?? quickJvm(256)), '-cp', path, mainClass, ...args], {
    stdio: 'pipe',
    detached: true,
  })
}

/** Runs a Java program to its end and answers what it printed. Only what keeps it from running at all is an error. */
export async function runJava(
  mainClass: string,
  args: readonly string[],
  options: JavaOptions & { input?: string | Uint8Array; signal?: AbortSignal } = {},
): Promise<JavaResult> {
  const child = await startJava(mainClass, args, options)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', chunk => stdout.push(chunk))
  child.stderr.on('data', chunk => stderr.push(chunk))
  // A program may end without reading all of its input.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  const abort = () => child.kill('SIGKILL')
  options.signal?.addEventListener('abort', abort)
  process.on('exit', abort)
  try {
    if (options.signal?.aborted) abort()
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    options.signal?.throwIfAborted()
    return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
  } finally {
    options.signal?.removeEventListener('abort', abort)
    process.off('exit', abort)
  }
}
