import { toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { partitionName } from '../base/topic-partition.ts'
import { Tally } from '../metrics/tally.ts'
import type { DeliveryError, Receipt } from '../producer/delivery.ts'
import type { Decision, Failure } from '../work/failure.ts'
import { PendingDecision } from '../work/pending-decision.ts'
import type { AnyMessage } from './claim.ts'

/** Counts and logs what sinks keep, and what they could not keep. */
export class KeptLog {
  /** By the topic that messages came from. */
  readonly kept = new Tally<'topic'>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** `sink`: its name. */
  decided(sink: string, { message }: Failure<AnyMessage>, decision: Decision): Decision {
    if (decision !== 'skip') return decision
    const { topic, partition, offset } = message
    this.kept.add({ topic })
    this.#logger.info({ topic, partition, offset }, `a message is kept in ${sink}`)
    return decision
  }

  unkept(sink: string, { message }: Failure<AnyMessage>, thrown: unknown): Decision {
    const { topic, partition, offset } = message
    const error = toError(thrown)
    const text = `${partitionName(topic, partition)} offset ${offset} could not be kept in ${sink}: ${error.message}`
    this.#logger.warn({ err: error, topic, partition, offset }, text)
    return 'hold'
  }
}

/** Decides about a message when its letter is written, or cannot be. */
export class Letter extends PendingDecision implements Receipt {
  readonly #log: KeptLog
  readonly #sink: string
  readonly #failure: Failure<AnyMessage>

  constructor(log: KeptLog, sink: string, failure: Failure<AnyMessage>) {
    super()
    this.#log = log
    this.#sink = sink
    this.#failure = failure
  }

  delivered(): void {
    this.decide(this.#log.decided(this.#sink, this.#failure, 'skip'))
  }

  failed(_: number, error: DeliveryError): void {
    this.decide(this.#log.unkept(this.#sink, this.#failure, error))
  }
}
