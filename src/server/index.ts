import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OptionError, toError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import { Consumer } from '../consumer/consumer.ts'
import { errorsAsObjects } from './error-json.ts'
import { readiness } from './readiness.ts'

export type { PartitionReadiness, Readiness } from './readiness.ts'

/** A `Registry` of prom-client, as far as it is used. */
export interface ScrapedRegister {
  readonly contentType: string
  metrics(): Promise<string>
}

export interface ServeOptions {
  /** 0: any that is free, which `port` of the answer tells. */
  port: number
  /** Default `'127.0.0.1'`: this machine alone. It asks nobody who he is, and `/state` names brokers and topics. */
  host?: string
  /** What `/metrics` answers. Default: the consumer's own metrics, if its option `metrics` is set. */
  register?: ScrapedRegister
}

export interface HealthServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Ends by itself when the consumer is closed. Resolves when no socket is left. */
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const JSON_TYPE = 'application/json'
/** For the head of a request, and for all of it. */
const REQUEST_MS = 5_000
const IDLE_MS = 5_000
const MAX_CONNECTIONS = 100
const MAX_HEAD_BYTES = 8_192

/**
 * A small HTTP server for one consumer: `/metrics`, `/livez`, `/readyz` and `/state`, for GET and HEAD. It keeps no process alive, and
 * ends with the consumer. Rejects when the port cannot be had.
 *
 * @throws {OptionError}
 */
export async function serve(consumer: Consumer, options: ServeOptions): Promise<HealthServer> {
  const { port, host, register } = resolve(consumer, options)
  const server = createServer(
    {
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    (request, response) => void respond(consumer, register, request, response),
  )
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, port, host)
  server.unref()
  let closing: Promise<void> | null = null
  const close = (): Promise<void> => {
    consumer.off('closed', close)
    closing ??= closed(server)
    return closing
  }
  consumer.on('closed', close)
  const { port: bound } = server.address() as AddressInfo
  return { host, port: bound, close, [Symbol.asyncDispose]: close }
}

function resolve(consumer: Consumer, options: ServeOptions) {
  if (!(consumer instanceof Consumer)) throw new OptionError(`serve needs a Consumer, not ${describe(consumer)}`)
  const section = new SectionCheck('serve', options, ['port', 'host', 'register'])
  const port = section.number('port', Number.NaN, { min: 0, max: 65_535 })
  if (Number.isNaN(port)) throw section.wrong('port', 'a port, or 0 for any that is free')
  return { port, host: section.string('host') ?? '127.0.0.1', register: options.register ?? null }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      listening()
    })
  })
}

function closed(server: Server): Promise<void> {
  return new Promise(ended => {
    server.close(() => ended())
    server.closeAllConnections()
  })
}

async function respond(
  consumer: Consumer,
  register: ScrapedRegister | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Nothing is done with a body.
  request.resume()
  const { method = 'GET', url = '/' } = request
  if (method !== 'GET' && method !== 'HEAD') response.setHeader('Allow', 'GET, HEAD')
  const { status, type, body } =
    method === 'GET' || method === 'HEAD'
      ? await answer(consumer, register, url).catch(thrown => text(500, toError(thrown).message))
      : text(405, `${method} is not for here: GET and HEAD are`)
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(method === 'HEAD' ? undefined : body)
}

async function answer(consumer: Consumer, register: ScrapedRegister | null, url: string): Promise<Answer> {
  const [path] = url.split('?')
  switch (path) {
    case '/livez':
      return consumer.state().status === 'closed' ? text(503, 'closed') : text(200, 'ok')
    case '/readyz': {
      const found = readiness(consumer.state())
      return json(found.ready ? 200 : 503, found)
    }
    case '/state':
      return json(200, consumer.state())
    case '/metrics':
      return metrics(consumer, register)
    default:
      return text(404, 'There are /metrics, /livez, /readyz and /state')
  }
}

async function metrics(consumer: Consumer, register: ScrapedRegister | null): Promise<Answer> {
  if (register !== null) return { status: 200, type: register.contentType, body: await register.metrics() }
  const body = consumer.prometheusText()
  if (body === null) return text(404, 'There are no metrics: the consumer was made without the option `metrics`')
  return { status: 200, type: PROMETHEUS_TEXT, body }
}

function json(status: number, value: unknown): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value, errorsAsObjects, 2)}\n` }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` }
}
