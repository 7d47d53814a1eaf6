import { NativeClient } from '../../src/client/native-client.ts'
import { Accumulator } from '../../src/producer/accumulator.ts'
import { ProducerBatch } from '../../src/producer/batch.ts'
import { IdentityKeeper } from '../../src/producer/identity.ts'
import { type Outcome, PartitionQueue } from '../../src/producer/partition-queue.ts'
import { replace } from '../replace.ts'

/** A bug that could have been made, put in from the outside. */
export interface PlantedBug {
  readonly name: string
  /** What is said when it is found. */
  readonly found: RegExp
  /** It is found by waiting in vain. */
  readonly hangs?: true
  /** Answers how to undo it. */
  readonly install: () => () => void
}

const wrong = /times in the log|told not to be|out of order|not at its offset|nobody was told|come to/

/** Those that steps of one partition's queue must find. */
export const bugsOfQueues: readonly PlantedBug[] = [
  {
    name: 'what is tried again gets another number',
    found: wrong,
    install: () =>
      replace(
        PartitionQueue.prototype,
        'answered',
        answered =>
          function (batch, outcome, now) {
            const fate = answered.call(this, batch, outcome, now)
            if (fate === 'again') batch.number(null, -1)
            return fate
          },
      ),
  },
  {
    name: 'what is tried again goes behind all others',
    found: wrong,
    install: () =>
      replace(
        PartitionQueue.prototype,
        'answered',
        answered =>
          function (batch, outcome, now) {
            const fate = answered.call(this, batch, outcome, now)
            const waiting = this.waiting as ProducerBatch[]
            if (fate === 'again') waiting.push(...waiting.splice(waiting.indexOf(batch), 1))
            return fate
          },
      ),
  },
  {
    name: 'what is in doubt is told not to be written',
    found: /told not to be/,
    install: () =>
      replace(
        ProducerBatch.prototype,
        'error',
        error =>
          function (code, why, _, retriable) {
            return error.call(this, code, why, 'no', retriable)
          },
      ),
  },
  {
    name: 'what was sent over a connection that broke counts as not sent',
    found: /told not to be|times in the log/,
    install: () =>
      replace(
        PartitionQueue.prototype,
        'answered',
        answered =>
          function (batch, outcome, now) {
            return answered.call(this, batch, outcome.error === null ? outcome : { ...outcome, sent: false }, now)
          },
      ),
  },
  {
    name: 'an answer that says nothing counts as a success',
    found: /0 times in the log/,
    install: () =>
      replace(
        PartitionQueue.prototype,
        'answered',
        answered =>
          function (batch, outcome, now) {
            const silent = outcome.error?.code === 'CONNECTION'
            const success: Outcome = { error: null, baseOffset: -1, logAppendTime: -1 }
            return answered.call(this, batch, silent ? success : outcome, now)
          },
      ),
  },
  {
    name: 'offsets are one too far',
    found: /not at its offset/,
    install: () =>
      replace(
        ProducerBatch.prototype,
        'succeeded',
        succeeded =>
          function (baseOffset, logAppendTime) {
            succeeded.call(this, baseOffset + 1, logAppendTime)
          },
      ),
  },
  {
    name: 'who sent what was given up is not told',
    found: /nobody was told|hanging|come to/,
    install: () => replace(ProducerBatch.prototype, 'failed', () => () => {}),
  },
]

/** Those that stories of whole producers must find. */
export const bugsOfStories: readonly PlantedBug[] = [
  {
    name: 'there is no new epoch',
    found: /nothing was in the way|come to its end|hanging/,
    hangs: true,
    install: () => replace(IdentityKeeper.prototype, 'renew', () => () => {}),
  },
  {
    name: 'the client says that nothing was sent',
    found: wrong,
    install: () =>
      replace(
        NativeClient.prototype,
        'produce',
        produce =>
          async function (batches, options) {
            return (await produce.call(this, batches, options)).map(batch => ({ ...batch, sent: false }))
          },
      ),
  },
  {
    name: 'without idempotence what is in doubt is sent again',
    found: wrong,
    install: () =>
      replace(
        PartitionQueue.prototype,
        'answered',
        answered =>
          function (batch, outcome, now) {
            const doubted = outcome.error !== null && batch.identity === null
            return answered.call(this, batch, doubted ? { ...outcome, sent: false } : outcome, now)
          },
      ),
  },
  {
    name: 'the parts of a batch change places',
    found: wrong,
    install: () =>
      replace(
        ProducerBatch.prototype,
        'split',
        split =>
          function () {
            const [first, second] = split.call(this)
            const { identity, sequence } = first
            first.number(identity, sequence + second.count)
            second.number(identity, sequence)
            return [second, first]
          },
      ),
  },
  {
    name: 'what waits for room is forgotten when the producer closes',
    found: /hanging|come to its end/,
    hangs: true,
    install: () => replace(Accumulator.prototype, 'abandon', () => () => {}),
  },
]
