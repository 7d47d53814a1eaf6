import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Versions of Apache Kafka that tests can run against, the default first. */
export const kafkaVersions = ['4.1.1', '3.9.1'] as const

export const kafkaVersion = process.env.KAFKA_VERSION ?? kafkaVersions[0]

const here = import.meta.dirname
const cache = join(here, '../../.kafka')
const patienceMs = 300_000

/** The folder with the jars of this version, downloaded by Maven on first use. */
export async function kafkaJars(version: string = kafkaVersion): Promise<string> {
  const pom = join(here, version, 'pom.xml')
  if (!existsSync(pom)) {
    throw new Error(`No tests against Kafka ${version}: known are ${kafkaVersions.join(' and ')}. Check KAFKA_VERSION.`)
  }
  return mavenJars(pom, version)
}

/** The folder with the jars that a pom names, downloaded by Maven on first use into a place of this name. */
export async function mavenJars(pom: string, name: string): Promise<string> {
  return once(join(cache, name, `lib-${await fingerprint([pom])}`), folder =>
    run('mvn', ['-q', '-B', '-C', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]),
  )
}

/** The class path that runs these `.java` files (all of one package-less program) with Kafka's jars, compiled on first use. */
export async function classPath(version: string, sources: readonly string[] = []): Promise<string> {
  return compiled(await kafkaJars(version), version, sources)
}

/** The same with the jars of that folder; the classes are kept in a place of this name. */
export async function compiled(folder: string, place: string, sources: readonly string[]): Promise<string> {
  const jars = join(folder, '*')
  if (sources.length === 0) return jars
  const name = sources.map(source => basename(source, '.java')).join('-')
  const classes = await once(join(cache, place, `classes-${name}-${await fingerprint(sources)}`), target =>
    run(javaCommand('javac'), ['-nowarn', '-cp', jars, '-d', target, ...sources]),
  )
  return `${classes}${process.platform === 'win32' ? ';' : ':'}${jars}`
}

/** `java` or `javac`: of JAVA_HOME where it is set. */
export function javaCommand(name: 'java' | 'javac'): string {
  const home = process.env.JAVA_HOME
  return home ? join(home, 'bin', name) : name
}

/** What a result depends on, as a name: a changed pom or source gets a folder of its own. */
async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 12)
}

/** Makes a folder once, also when several processes want it at the same time: it gets its name only when it is complete. */
async function once(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder
  await mkdir(join(folder, '..'), { recursive: true })
  const release = await lock(`${folder}.lock`)
  try {
    if (existsSync(folder)) return folder
    const partial = `${folder}.partial-${process.pid}`
    try {
      await make(partial)
      await rename(partial, folder)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
    return folder
  } finally {
    await release()
  }
}

/** A file that holds the owner's pid; one whose owner is gone does not count. */
async function lock(file: string): Promise<() => Promise<void>> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(String(process.pid))
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!(await ownerLives(file))) await rm(file, { force: true })
    else if (performance.now() > deadline)
      throw new Error(`Another process holds ${file} for too long; end it or delete the file.`)
    else await delay(100)
  }
}

async function ownerLives(file: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(file, 'utf8'))
    // Empty: its owner is just writing it.
    if (pid > 0) process.kill(pid, 0)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return code !== 'ESRCH' && code !== 'ENOENT'
  }
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', error => {
      reject(
        new Error(`Cannot run ${command}: the tests against a real Kafka need Java 17 and Maven.`, { cause: error }),
      )
    })
    child.on('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.trim()}`))
    })
  })
}
