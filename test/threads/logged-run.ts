import {
  Consumer,
  type ConsumerOptions,
  constant,
  type Failure,
  type Logger,
  type Match,
  type MillraceError,
  type RouteOptions,
  type ThreadedHandler,
  threads,
} from '../../src/index.ts'
import { until } from '../until.ts'

export interface Line {
  readonly level: keyof Logger
  readonly text: string
  readonly fields: Record<string, unknown>
}

export interface LoggedRunOptions {
  readonly work?: ConsumerOptions['work']
  readonly ownership?: ConsumerOptions['ownership']
  readonly mode?: 'at-least-once' | 'at-most-once'
  readonly route?: RouteOptions<unknown, unknown>
  /** Default: the first partition of the topic. */
  readonly match?: Match
  /** Default: the one that does what a message's value says. */
  readonly handler?: ThreadedHandler
}

/** A consumer of one topic whose handler runs in threads, what it logged, and the failures that were decided about. */
export class LoggedRun {
  readonly lines: Line[] = []
  readonly failures: Failure[] = []
  readonly consumer: Consumer

  constructor(brokers: readonly string[], topic: string, options: LoggedRunOptions = {}) {
    const { work, ownership = {}, mode = 'at-least-once', route = {}, match = { topic, partitions: [0] } } = options
    const { handler = threads(new URL('./handlers/told.ts', import.meta.url)) } = options
    const at = (level: keyof Logger) => (fields: object, text: string) =>
      void this.lines.push({ level, text, fields: fields as Line['fields'] })
    this.consumer = new Consumer({
      brokers,
      logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      group: topic,
      ownership,
      offsets: { commitIntervalMs: 20, mode },
      work: { threads: 2, backoff: constant(1), onFailure: 'skip', ...work },
    })
    this.consumer.on('failed', failure => this.failures.push(failure))
    this.consumer.topic(match, route, handler)
  }

  said(text: string): Line[] {
    return this.lines.filter(line => line.text === text)
  }

  /** Of the message at this offset. */
  failure(offset: number): { readonly attempts: number; readonly reason: string; readonly error: MillraceError } {
    const failure = this.failures.find(({ message }) => message.offset === offset)
    if (failure === undefined) throw new Error(`the message at ${offset} did not fail`)
    return failure as typeof failure & { error: MillraceError }
  }

  async committed(offset: number): Promise<void> {
    await until(`${offset} is committed`, () => this.consumer.state().partitions[0]?.committed === offset)
  }
}
