/**
 * Runs an example on an embedded broker, with what it needs around it, until it has done its work or Ctrl-C:
 *
 *     npm run example -- NAME
 *
 * Without a name it says which there are. Examples are programs as one has them in production; what is around them is in `examples/stages`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Scene, type Stage } from '../examples/stages/stage.ts'
import { stages } from '../examples/stages/stages.ts'
import { Broker } from '../src/broker/index.ts'

/** So that a program finds the package `millrace` here, without a build. */
const hooks = new URL('../test/millrace-from-source.ts', import.meta.url).href

type Service = NonNullable<Stage['services']>[string]

async function listen(service: Service): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume()
    const answer = service(request)
    if (answer === null) return
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** What is around the program; `env` tells it where. */
class Surroundings implements AsyncDisposable {
  readonly #broker: Broker
  readonly #servers: ReadonlyMap<string, Server>
  readonly folder: string

  private constructor(broker: Broker, servers: ReadonlyMap<string, Server>, folder: string) {
    this.#broker = broker
    this.#servers = servers
    this.folder = folder
  }

  static async make({ topics, services = {}, files = {} }: Stage): Promise<Surroundings> {
    const broker = await Broker.start({ topics, autoCreateTopics: false })
    const servers = new Map<string, Server>()
    for (const [name, service] of Object.entries(services)) servers.set(name, await listen(service))
    const folder = await mkdtemp(join(tmpdir(), 'millrace-example-'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return new Surroundings(broker, servers, folder)
  }

  get brokers(): readonly string[] {
    return this.#broker.brokers
  }

  get env(): Record<string, string> {
    const env: Record<string, string> = { BROKERS: this.brokers.join() }
    for (const [name, server] of this.#servers)
      env[name] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return env
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.values()) {
      server.close()
      server.closeAllConnections()
    }
    await this.#broker.close()
    await rm(this.folder, { recursive: true })
  }
}

/** Answers the program's exit code. */
async function run(program: string, stage: Stage): Promise<number> {
  await using around = await Surroundings.make(stage)
  const ended = new AbortController()
  const scene = new Scene(around.brokers, around.folder, ended.signal)
  await scene.write(stage.messages)
  const child = spawn(process.execPath, ['--import', hooks, program, ...(stage.args ?? [])], {
    cwd: around.folder,
    env: { ...process.env, ...around.env, ...stage.env },
    stdio: 'inherit',
  })
  // At a terminal Ctrl-C reaches it by itself, and twice would mean more than once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const exit = once(child, 'exit').finally(() => ended.abort())
  try {
    await stage.play?.(scene)
  } catch (error) {
    // A program that has ended says itself why.
    if (!ended.signal.aborted) throw error
  } finally {
    if (stage.play) child.kill('SIGTERM')
    await exit
  }
  const [code] = await exit
  if (code === 0) await stage.epilogue?.(scene)
  return code ?? 1
}

const name = process.argv[2] ?? ''
const stage = stages.get(name)
if (stage) {
  process.exitCode = await run(fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url)), stage)
} else {
  console.error(`Which one? npm run example -- NAME\n\n${[...stages.keys()].join('\n')}`)
  process.exitCode = 1
}
