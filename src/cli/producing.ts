import type { Readable, Writable } from 'node:stream'
import { systemClock } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import { onSignals } from '../base/signals.ts'
import { DeliveryError } from '../producer/delivery.ts'
import { Producer } from '../producer/producer.ts'
import { CommandLogger } from './command-logger.ts'
import { logLevel } from './connect.ts'
import { CommandError, exitCodeOf, exitCodes } from './failure.ts'
import { inputName, STDIN } from './input.ts'
import type { Group, LineSource, MessageReader, Place } from './message-reader.ts'
import { Outbox, type Results } from './outbox.ts'
import { cannotWrite } from './output.ts'
import { Pace } from './pace.ts'
import { plural } from './plural.ts'
import { ProduceOutcome, reportOf } from './produce-outcome.ts'
import { type ProducingOptions, readerOf, writerOf } from './producing-options.ts'
import { Progress } from './progress.ts'
import { checkTopics } from './topic-check.ts'

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WriteStream
}

const CATCH_UP_MS = 20
/** Short lines come by tens of thousands at once. */
const MOST_AT_ONCE = 2_000
/** Whoever waits for longer after Ctrl-C is told for what. */
const PATIENCE_MS = 500

/** Reads inputs and writes what is in them, in order and in bounded memory, until it is stopped by what goes wrong or by signals. */
export class Producing {
  readonly #options: ProducingOptions
  readonly #streams: Streams
  readonly #producer: Producer
  readonly #reader: MessageReader
  readonly #pace: Pace | null
  readonly #outcome: ProduceOutcome
  /** Nothing more is read or sent. */
  readonly #stop = new AbortController()
  /** Nor waited for. */
  readonly #givenUp = new AbortController()
  /** That are known to exist; null: all messages are for one that does. */
  readonly #topics: Set<string> | null
  /** Ctrl-C is how it ends. */
  #endless: boolean
  #interrupted = false
  /** Where what was read and not sent begins. */
  #unsent: Place | null = null
  #error: Error | null = null
  #unread = false
  #waiting: NodeJS.Timeout | undefined

  constructor(topic: string | undefined, options: ProducingOptions, streams: Streams) {
    const { rate, follow } = options
    this.#options = options
    this.#streams = streams
    this.#topics = topic === undefined ? new Set() : null
    this.#outcome = new ProduceOutcome(follow === undefined ? 'line' : 'byte')
    this.#endless = follow !== undefined
    this.#reader = readerOf(topic, options)
    this.#pace = rate === undefined ? null : new Pace(rate, CATCH_UP_MS, systemClock)
    this.#producer = new Producer({
      ...writerOf(options),
      logger: new CommandLogger(logLevel(options), streams.stderr),
    })
  }

  /** @throws {CommandError} that says what was not written, and where to go on */
  async run(inputs: readonly LineSource[]): Promise<void> {
    const stopSignals = onSignals(
      () => this.#interrupt(),
      () => this.#giveUp(),
    )
    const progress = this.#begin(inputs)
    try {
      if (this.#options.transactionalId === undefined) {
        await this.#write(inputs, ({ messages }) => this.#producer.sendBatch(messages))
      } else {
        await this.#producer.transaction(async transaction => {
          await this.#write(inputs, ({ messages }) => transaction.sendBatch(messages))
          this.#check(inputs)
        })
      }
    } finally {
      stopSignals()
      clearTimeout(this.#waiting)
      progress?.end()
      await this.#producer.close({ drainMs: 0 })
    }
    this.#check(inputs)
    if (this.#streams.stderr.isTTY) this.#tell(`${plural(this.#outcome.written, 'message')} written`)
  }

  /** Sends all that is read; resolves when it is told what became of it. */
  async #write(inputs: readonly LineSource[], send: (group: Group) => Promise<Results>): Promise<void> {
    const outbox = new Outbox(send, (group, results) => this.#settled(group, results))
    try {
      for await (const group of this.#reader.groups(inputs, this.#stop.signal)) {
        await this.#checkTopics(group)
        await this.#put(group, outbox)
      }
    } catch (thrown) {
      this.#error ??= toError(thrown)
    }
    await outbox.empty()
  }

  async #put(group: Group, outbox: Outbox<Group>): Promise<void> {
    const { signal } = this.#stop
    for (let rest = group; rest.messages.length + rest.wrong.length > 0; ) {
      const most = Math.min(rest.messages.length, MOST_AT_ONCE)
      const part = head(rest, this.#pace === null ? most : await this.#pace.take(most, signal).catch(() => 0))
      await outbox.room(part, signal)
      if (signal.aborted) {
        this.#unsent = rest.places[0] ?? null
        return
      }
      outbox.put(part)
      rest = behind(rest, part)
    }
  }

  /** Of objects that name their topics. */
  async #checkTopics({ messages, places }: Group): Promise<void> {
    const known = this.#topics
    if (known === null) return
    const unknown = [...new Set(messages.map(({ topic }) => topic))].filter(topic => !known.has(topic))
    if (unknown.length === 0) return
    try {
      await checkTopics(unknown, this.#options, this.#options.partition)
    } catch (thrown) {
      this.#unsent = places[0] ?? null
      throw thrown
    }
    for (const topic of unknown) known.add(topic)
  }

  async #settled(group: Group, results: Results): Promise<void> {
    this.#outcome.add(group, results)
    const { keepGoing, json } = this.#options
    // Where sending again may succeed, it is not the message that is wrong.
    const hopeless = results.some(result => result instanceof DeliveryError && result.retriable)
    if (this.#outcome.failed > 0 && (!keepGoing || hopeless)) this.#stop.abort()
    if (json && !this.#unread) await this.#print(reportOf(group, results, this.#outcome.unit))
  }

  /** Resolves when it is written, or nobody waits for that any more. */
  async #print(lines: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { signal } = this.#givenUp
    if (signal.aborted) return
    const given = () => resolve()
    signal.addEventListener('abort', given)
    this.#streams.stdout.write(lines, error => {
      if (error) this.#broken(error)
      resolve()
    })
    await promise
    signal.removeEventListener('abort', given)
  }

  /** Whoever has read enough does not keep messages from being written. */
  #broken(error: NodeJS.ErrnoException): void {
    this.#unread = true
    if (error.code === 'EPIPE') return
    this.#error ??= cannotWrite(error)
    this.#stop.abort()
  }

  #begin(inputs: readonly LineSource[]): Progress | null {
    const { stdin, stdout, stderr } = this.#streams
    if (stdin.isTTY && inputs.some(({ name }) => name === STDIN)) {
      this.#endless = true
      const what = this.#options.input === 'whole' ? 'All that you type is one message' : 'Each line is a message'
      this.#tell(`${what}. Ctrl-D ends it`)
      return null
    }
    if (this.#options.json && stdout.isTTY) return null
    return new Progress(() => {
      const { written, bytes } = this.#outcome
      return `${plural(written, 'message')}, ${(bytes / 1e6).toFixed(1)} MB`
    }, stderr)
  }

  #interrupt(): void {
    this.#interrupted = true
    this.#stop.abort()
    this.#waiting = setTimeout(() => {
      this.#tell('Waiting until what was read is written. Ctrl-C again gives it up')
    }, PATIENCE_MS)
  }

  #giveUp(): void {
    this.#givenUp.abort()
    void this.#producer.close({ drainMs: 0 })
  }

  #check(inputs: readonly LineSource[]): void {
    const failure = this.#failure()
    if (failure === null) return
    const { exitCode, code, message, cause } = failure
    const rest =
      this.#options.transactionalId === undefined
        ? this.#goOn(inputs)
        : '. The transaction was aborted: nothing of it counts'
    throw new CommandError(exitCode, code, `${message}${rest}`, cause)
  }

  #failure(): CommandError | null {
    const { written, failed, unknown, error, where } = this.#outcome
    const stopped = this.#error
    if (failed > 0 && error !== null) {
      const all = plural(written + failed, 'message')
      const maybe = unknown > 0 ? `. Whether ${unknown} of them are written all the same is not known` : ''
      const text = `${failed} of ${all} could not be written (${where}): ${error.message}${maybe}`
      return this.#givenUp.signal.aborted
        ? new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted: ${text}`, error)
        : new CommandError(exitCodes.failure, 'NOT_WRITTEN', text, error)
    }
    if (stopped !== null) {
      const code = stopped instanceof MillraceError ? stopped.code : 'PRODUCE'
      const before = `${plural(written, 'message')} before that ${written === 1 ? 'was' : 'were'} written`
      return new CommandError(exitCodeOf(stopped), code, `${stopped.message}. ${before}`, stopped)
    }
    if (!this.#interrupted || this.#endless || (this.#reader.complete && this.#unsent === null)) return null
    return new CommandError(exitCodes.interrupted, 'INTERRUPTED', `Interrupted after ${plural(written, 'message')}`)
  }

  /** Empty: there is nothing left. */
  #goOn(inputs: readonly LineSource[]): string {
    const { input, at } = this.#unsent ?? this.#reader.next
    if (this.#endless || (this.#reader.complete && this.#unsent === null)) return ''
    const file = inputs.length === 1 ? '' : ` ${inputName(input)}`
    const from = this.#options.input === 'whole' ? '' : ` --from-line ${at}`
    return file + from === '' ? '' : `. Go on behind that with${file}${from}`
  }

  #tell(text: string): void {
    this.#streams.stderr.write(`millrace: ${text}\n`)
  }
}

/** The first so many messages, and what is wrong in the same group. */
function head(group: Group, count: number): Group {
  const { messages, places, bytes } = group
  if (count >= messages.length) return group
  const share = Math.round((bytes * count) / messages.length)
  return { messages: messages.slice(0, count), places: places.slice(0, count), wrong: [], bytes: share }
}

function behind(group: Group, part: Group): Group {
  if (part === group) return { messages: [], places: [], wrong: [], bytes: 0 }
  const from = part.messages.length
  const { messages, places, wrong, bytes } = group
  return { messages: messages.slice(from), places: places.slice(from), wrong, bytes: bytes - part.bytes }
}
