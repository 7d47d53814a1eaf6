import { MillraceError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Receipt } from '../producer/delivery.ts'
import type { ProducerMessage, UncheckedMessage } from '../producer/message.ts'
import type { Outgoing } from '../producer/outgoing.ts'
import { checkMessage, encodeMessage } from '../producer/preparation.ts'
import { type MessageSerdes, resolveSerdes } from '../producer/serdes.ts'
import { type Bytes, EncodedHeaders } from '../records/encoded-headers.ts'
import { Attempt, type HandlerContext } from '../work/context.ts'
import { promised } from '../work/invocation.ts'
import type { Route } from '../work/route.ts'
import { batchOf, type MessageBatch } from '../work/verdicts.ts'
import type { AnyMessage } from './claim.ts'

/** What a handler is given with `work.transaction`. */
export interface TransactionContext extends HandlerContext {
  /**
   * Writes a message in the transaction in which the one that is handled is committed, once the handler has resolved: of an attempt that
   * fails, times out or is given up nothing is written. There is nothing to wait for. Messages are written in the order in which they were
   * sent, and those of a key in the order in which what they were made from was done. Leave their bytes as they are. `serdes` make bytes of
   * key and value, which without are bytes or strings.
   *
   * @throws {MillraceError} when it cannot be written (`INVALID_MESSAGE`, `ENCODE`, `MESSAGE_TOO_LARGE`), or the handler has settled
   */
  send<K = Bytes, V = Bytes>(message: ProducerMessage<NoInfer<K>, NoInfer<V>>, serdes?: MessageSerdes<K, V>): void
}

/** What the handling of a message sent, in order. */
export type Outputs = readonly Outgoing[]

export interface OutputParts {
  readonly wallTime: () => number
  /** Most that a message may have. */
  readonly maxRequestBytes: number
  /** They are to be written with the settlement of this message. */
  readonly attach: (message: AnyMessage, outputs: Outputs) => void
}

/** What a message takes beside its key, value and headers, in a batch of its own. */
const BATCH_OVERHEAD = 200
/** Nobody asks what became of it: the transaction says so. */
const nobody: Receipt = { delivered() {}, failed() {} }

/** Messages that are sent together once it is known that they are to be. */
export class OutputList {
  readonly #parts: OutputParts
  readonly #outputs: Outgoing[] = []
  #encoding: Promise<unknown>[] | null = null

  constructor(parts: OutputParts) {
    this.#parts = parts
  }

  /** @throws {MillraceError} */
  add(message: UncheckedMessage, serdes: MessageSerdes<never, never> | undefined): void {
    const outgoing = checkMessage(message, this.#parts.wallTime(), nobody, this.#outputs.length)
    const later = encodeMessage(outgoing, resolveSerdes(serdes ?? {}))
    if (later === null) this.#checkSize(outgoing)
    else {
      const encoded = later.then(() => {
        outgoing.encoding = false
        this.#checkSize(outgoing)
      })
      // Asked about when the handler has settled.
      encoded.catch(() => {})
      this.#encoding ??= []
      this.#encoding.push(encoded)
    }
    this.#outputs.push(outgoing)
  }

  /** Hands them over, later if serdes are not through with them. */
  attach(message: AnyMessage): Promise<void> | null {
    const { attach } = this.#parts
    if (this.#encoding !== null) return Promise.all(this.#encoding).then(() => attach(message, this.#outputs))
    if (this.#outputs.length > 0) attach(message, this.#outputs)
    return null
  }

  /** The batch that a message makes alone is refused by no broker for a reason that can be known before. */
  #checkSize({ topic, key, value, headers = [] }: Outgoing): void {
    const { maxRequestBytes } = this.#parts
    let bytes = BATCH_OVERHEAD + lengthOf(key) + lengthOf(value)
    if (headers instanceof EncodedHeaders) bytes += headers.length
    else for (const [name, content] of headers) bytes += lengthOf(name) + lengthOf(content)
    if (bytes <= maxRequestBytes) return
    const text =
      `A message to ${topic} has about ${bytes} bytes, and work.transaction.producer.maxRequestBytes is ${maxRequestBytes}: raise that, ` +
      "and the broker's message.max.bytes, or send less"
    throw new MillraceError('MESSAGE_TOO_LARGE', text, { topic })
  }
}

function lengthOf(bytes: Bytes): number {
  if (bytes === null) return 0
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}

/** The context of one attempt, and what that sends. */
export class OutputContext implements TransactionContext {
  readonly #context: HandlerContext
  readonly #outputs: OutputList
  /** The handler has settled. */
  #over = false

  constructor(context: HandlerContext, parts: OutputParts) {
    this.#context = context
    this.#outputs = new OutputList(parts)
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  get attempt(): number {
    return this.#context.attempt
  }

  get deadline(): number {
    return this.#context.deadline
  }

  get log(): Logger {
    return this.#context.log
  }

  /** May be taken out of the context. */
  readonly send = (message: UncheckedMessage, serdes?: MessageSerdes<never, never>): void => {
    if (this.#over) {
      const text = `A message to ${message?.topic} was sent after its handler had settled: await what sends it`
      throw new MillraceError('NO_TRANSACTION', text)
    }
    this.#outputs.add(message, serdes)
  }

  /** Calls the handler; what it sent is handed over with the first of its messages, as they are settled together. */
  run(handler: () => unknown, first: AnyMessage): Promise<void> | null {
    let pending: Promise<unknown> | null
    try {
      pending = promised(handler())
    } catch (thrown) {
      this.#over = true
      throw thrown
    }
    if (pending === null) return this.#end(first)
    return pending.then(
      () => this.#end(first) ?? undefined,
      thrown => {
        this.#over = true
        throw thrown
      },
    )
  }

  #end(first: AnyMessage): Promise<void> | null {
    this.#over = true
    // What became of the message was decided without it.
    if (this.#context instanceof Attempt && this.#context.abandoned) return null
    return this.#outputs.attach(first)
  }
}

/** The same route, whose handler may send. */
export function sendingRoute(route: Route<AnyMessage>, parts: OutputParts): Route<AnyMessage> {
  if (route.batch === null) {
    const { handle } = route
    return {
      ...route,
      handle: (message: AnyMessage, context: HandlerContext) => {
        const sending = new OutputContext(context, parts)
        return sending.run(() => handle(message, sending), message)
      },
    }
  }
  const { handle } = route
  return {
    ...route,
    handle: (batch: MessageBatch<AnyMessage>, context: HandlerContext) => {
      const sending = new OutputContext(context, parts)
      // A batch has at least one.
      return sending.run(() => handle(batchOf([...batch], undivided), sending), batch[0] as AnyMessage)
    },
  }
}

/** What is sent is written for all of a batch: nobody knows which message it was made from. */
const undivided = { done: () => refuse('done'), fail: () => refuse('fail') }

function refuse(name: string): never {
  const text = `batch.${name}() does not go with work.transaction: what a batch sends is written for all of it, or not at all`
  throw new MillraceError('UNDIVIDED', text)
}
