import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { type DecodedRequest, decodeRequest, encodeResponse, requestHead } from '../../src/protocol/frame.ts'
import { FrameReader } from '../../src/protocol/frame-reader.ts'
import type { Responses } from '../../src/protocol/messages.ts'
import { apiTable } from '../../src/protocol/schema.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'

type RequestOf<N extends ApiName> = Extract<DecodedRequest, { name: N }>

/** One request as it came in, and the means to answer it otherwise than by the handler's result. */
export interface Incoming {
  readonly socket: Socket
  /** The whole answer frame. */
  answer<N extends ApiName>(name: N, body: Encodable<Responses[N]>, version?: number): Buffer
}

/** Answers a request: with a body, with finished bytes, or with null for silence. */
export type Handler<N extends ApiName> = (request: RequestOf<N>, incoming: Incoming) => Result<N> | Promise<Result<N>>
type Result<N extends ApiName> = Encodable<Responses[N]> | Buffer | null

export interface ScriptedBrokerOptions {
  readonly nodeId?: number
  readonly host?: string
  readonly port?: number
  /** Speaks TLS. */
  readonly tls?: TlsOptions
  /** Versions told to clients, where they are not all that are known here. `null`: the API is not offered. */
  readonly versions?: { readonly [N in ApiName]?: readonly [min: number, max: number] | null }
}

/**
 * A broker on loopback that answers as a test says, with the project's own codec. Requests of one connection are answered one after
 * another, as Kafka does. It tells its versions by itself, and as metadata the topics it was given.
 */
export class ScriptedBroker implements AsyncDisposable {
  readonly nodeId: number
  /** Other brokers that metadata names. */
  readonly peers: ScriptedBroker[] = []
  /** Partitions by topic: node ids of their leaders. */
  readonly topics = new Map<string, readonly number[]>()
  readonly topicIds = new Map<string, string>()
  readonly sockets = new Set<Socket>()
  /** Names of the requests that came, in order. */
  readonly seen: ApiName[] = []
  /** Host that metadata names, when it is not the one it listens on. */
  advertised: string | null = null
  /** Connections accepted so far. */
  accepted = 0
  /** Called instead of speaking Kafka, when set. */
  raw: ((socket: Socket) => void) | null = null
  readonly #handlers = new Map<ApiName, Handler<ApiName>>()
  readonly #versions: NonNullable<ScriptedBrokerOptions['versions']>
  readonly #server: Server
  #host = ''
  #port = 0

  private constructor(options: ScriptedBrokerOptions) {
    this.nodeId = options.nodeId ?? 1
    this.#versions = options.versions ?? {}
    const accept = (socket: Socket) => this.#accept(socket)
    this.#server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept)
    this.on('ApiVersions', request => this.#tellVersions(request))
    this.on('Metadata', request => this.#tellMetadata(request.body.topics?.map(topic => topic.name ?? '') ?? null))
  }

  static async start(options: ScriptedBrokerOptions = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(options)
    await broker.listen(options.host ?? '127.0.0.1', options.port ?? 0)
    return broker
  }

  async listen(host = this.#host, port = this.#port): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP address')
    this.#host = address.address
    this.#port = address.port
  }

  get host(): string {
    return this.#host
  }

  get port(): number {
    return this.#port
  }

  /** As in the `brokers` option. */
  get address(): string {
    return this.#host.includes(':') ? `[${this.#host}]:${this.#port}` : `${this.#host}:${this.#port}`
  }

  on<N extends ApiName>(name: N, handler: Handler<N>): void {
    this.#handlers.set(name, handler as unknown as Handler<ApiName>)
  }

  /** What answers this request now, to be built upon. */
  handler<N extends ApiName>(name: N): Handler<N> {
    return this.#handlers.get(name) as unknown as Handler<N>
  }

  /** How many requests of this kind came. */
  count(name: ApiName): number {
    return this.seen.filter(seen => seen === name).length
  }

  /** Ends all connections; with `reset`, as a crashed machine does. */
  disconnect(how: 'close' | 'reset' = 'close'): void {
    for (const socket of this.sockets) {
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  /** Stops listening and ends all connections; `listen` begins again on the same port. */
  async stop(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.disconnect()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop()
  }

  #accept(socket: Socket): void {
    this.accepted += 1
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => {})
    if (this.raw !== null) {
      this.raw(socket)
      return
    }
    let turn = Promise.resolve()
    const reader = new FrameReader({
      maxFrameBytes: 64 * 1024 * 1024,
      reuse: false,
      onFrame: frame => {
        turn = turn.then(() => this.#handle(frame, socket)).catch(error => void socket.destroy(error))
      },
    })
    socket.on('data', (chunk: Buffer) => reader.push(chunk))
  }

  async #handle(frame: Buffer, socket: Socket): Promise<void> {
    const head = requestHead(frame)
    if (head.key === api('ApiVersions').key && head.version > this.#range('ApiVersions')[1]) {
      const body = { errorCode: 35, apiKeys: this.#ranges() }
      socket.write(encodeResponse('ApiVersions', 0, head.correlationId, body))
      return
    }
    const request = decodeRequest(frame)
    this.seen.push(request.name)
    const answer: Incoming['answer'] = (name, body, version = request.version) =>
      encodeResponse(name, version, request.correlationId, body)
    const handler = this.#handlers.get(request.name)
    if (handler === undefined) throw new Error(`nothing answers ${request.name}`)
    const result = await handler(request, { socket, answer })
    if (result === null || socket.destroyed) return
    socket.write(result instanceof Buffer ? result : answer(request.name, result as never))
  }

  #tellVersions(_: RequestOf<'ApiVersions'>): Encodable<Responses['ApiVersions']> {
    return { errorCode: 0, apiKeys: this.#ranges() }
  }

  #ranges(): { apiKey: number; minVersion: number; maxVersion: number }[] {
    return (Object.keys(apiTable) as ApiName[])
      .filter(name => this.#versions[name] !== null)
      .map(name => {
        const [minVersion, maxVersion] = this.#range(name)
        return { apiKey: api(name).key, minVersion, maxVersion }
      })
  }

  #range(name: ApiName): readonly [number, number] {
    return this.#versions[name] ?? [api(name).minVersion, api(name).maxVersion]
  }

  #tellMetadata(asked: readonly string[] | null): Encodable<Responses['Metadata']> {
    const brokers = [this, ...this.peers].map(broker => ({
      nodeId: broker.nodeId,
      host: broker.advertised ?? broker.host,
      port: broker.port,
    }))
    const topics = (asked ?? [...this.topics.keys()]).map(name => {
      const leaders = this.topics.get(name)
      if (leaders === undefined) return { errorCode: 3, name }
      const partitions = leaders.map((leaderId, partitionIndex) => ({
        ...{ partitionIndex, leaderId, leaderEpoch: 7 },
        ...{ replicaNodes: [leaderId], isrNodes: [leaderId] },
      }))
      const topicId = this.topicIds.get(name)
      return { name, partitions, ...(topicId === undefined ? {} : { topicId }) }
    })
    return { brokers, clusterId: 'scripted', controllerId: this.nodeId, topics }
  }
}
