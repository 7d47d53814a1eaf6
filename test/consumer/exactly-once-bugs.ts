import type { Claim } from '../../src/consumer/claim.ts'
import { OutputContext, type Outputs } from '../../src/consumer/outputs.ts'
import { TransactionRound } from '../../src/consumer/transaction-round.ts'
import { Transactions } from '../../src/consumer/transactions.ts'
import { Gaps } from '../../src/offsets/gaps.ts'
import { replace } from '../replace.ts'

/** A bug that could have been made, put in from the outside. */
export interface PlantedBug {
  readonly name: string
  /** Answers how to undo it. */
  readonly install: () => () => void
}

export const bugs: readonly PlantedBug[] = [
  {
    name: 'what an attempt sent is written although it failed',
    install: () => {
      const undo = [
        replace(
          OutputContext.prototype,
          'run',
          run =>
            function (handler, first) {
              return run.call(
                this,
                async () => {
                  try {
                    await handler()
                  } catch (thrown) {
                    // Its outputs go with the next attempt's.
                    await run.call(this, () => {}, first)
                    throw thrown
                  }
                },
                first,
              )
            },
        ),
        replace(Transactions.prototype, 'attach', attach => {
          const all = new WeakMap<object, Outputs>()
          return function (message, outputs) {
            const together = [...(all.get(message) ?? []), ...outputs]
            all.set(message, together)
            attach.call(this, message, together)
          }
        }),
      ]
      return () => {
        for (const each of undo) each()
      }
    },
  },
  {
    name: 'what is done above the mark is forgotten',
    install: () => replace(Gaps.prototype, 'written', () => () => ({ metadata: '', whole: true })),
  },
  {
    name: 'what is done after the picture of a commit goes into its transaction',
    install: () => {
      const sealed = new WeakMap<Claim, TransactionRound>()
      const undo = [
        replace(
          TransactionRound.prototype,
          'seal',
          seal =>
            function (offsets) {
              for (const { claim } of offsets) if (claim !== undefined) sealed.set(claim, this)
              seal.call(this, offsets)
            },
        ),
        replace(
          TransactionRound.prototype,
          'write',
          write =>
            async function (tx) {
              await write.call(this, tx)
              closed.add(this)
            },
        ),
        replace(
          TransactionRound.prototype,
          'add',
          add =>
            function (claim, outputs) {
              const before = sealed.get(claim)
              return add.call(before === undefined || closed.has(before) ? this : before, claim, outputs)
            },
        ),
      ]
      const closed = new WeakSet<TransactionRound>()
      return () => {
        for (const each of undo) each()
      }
    },
  },
  {
    name: 'messages whose transaction was aborted count as done',
    install: () =>
      replace(
        TransactionRound.prototype,
        'write',
        write =>
          async function (tx) {
            const forget = () => this.written.clear()
            tx.signal.addEventListener('abort', forget)
            await write.call(this, tx)
          },
      ),
  },
]
