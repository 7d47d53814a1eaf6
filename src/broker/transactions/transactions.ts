import type { Timer } from '../../base/clock.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import { Allowance } from '../groups/allowance.ts'
import {
  type Ending,
  type Participant,
  type Producer,
  type Result,
  Transaction,
  transactionCost,
} from './transaction.ts'

/** What all transactional ids together may take in memory: some tens of thousands. */
const allowedBytes = 32 * 1024 * 1024

/** Producer ids, and the transactions of each transactional id. Ends are completed at once: no state lasts "preparing". */
export class Transactions {
  readonly #cluster: Cluster
  readonly #allowance = new Allowance(allowedBytes)
  /** Those whose producers began their lives longest ago first. */
  readonly #transactions = new Map<string, Transaction>()
  /** Those that are ongoing, by the id of their producer. */
  readonly #ongoing = new Map<number, { readonly transaction: Transaction; readonly timeout: Timer }>()
  #producerIds = 0
  /** Runs as long as there are transactional ids. */
  #expiry: Timer | null = null

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get(id: string): Transaction | undefined {
    return this.#transactions.get(id)
  }

  [Symbol.iterator](): Iterator<Transaction> {
    return this.#transactions.values()
  }

  /** A producer begins its life, or goes on as `expected`. Without a transactional id it gets a new producer id each time. */
  init(id: string | null, timeoutMs: number, expected: Producer | null): Producer | number {
    if (id === null) return { id: this.#newProducerId(), epoch: 0 }
    const transaction = this.#obtain(id)
    if (transaction === null) return errorCodes.POLICY_VIOLATION
    if (expected !== null && !transaction.isKnown(expected)) return errorCodes.PRODUCER_FENCED
    const { clock } = this.#cluster
    if (transaction.state === 'Ongoing') this.#fence(transaction)
    const errorCode = transaction.init(timeoutMs, expected, clock.now())
    return errorCode === errorCodes.NONE ? transaction.producer : errorCode
  }

  /** Adds to the transaction, which begins with the first ones. */
  add(id: string, producer: Producer, participants: readonly Participant[]): number {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return noTransaction(id)
    const errorCode = transaction.check(producer)
    if (errorCode !== errorCodes.NONE) return errorCode
    const { clock } = this.#cluster
    const began = transaction.state !== 'Ongoing'
    if (!transaction.add(participants, clock.now())) return errorCodes.POLICY_VIOLATION
    if (began) {
      const timeout = clock.after(transaction.timeoutMs, () => this.#fence(transaction))
      this.#ongoing.set(producer.id, { transaction, timeout })
    }
    return errorCodes.NONE
  }

  /** Whether it was added before. */
  verify(id: string, producer: Producer, participant: Participant): number {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return noTransaction(id)
    const errorCode = transaction.check(producer)
    if (errorCode !== errorCodes.NONE) return errorCode
    return transaction.has(participant) ? errorCodes.NONE : errorCodes.TRANSACTION_ABORTABLE
  }

  /** With `advance` the producer gets another epoch (transaction version 2); it is told in both cases. */
  end(id: string, producer: Producer, result: Result, advance: boolean): Producer | number {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return noTransaction(id)
    const now = this.#cluster.clock.now()
    const ended = advance ? transaction.endAndAdvance(producer, result, now) : transaction.end(producer, result, now)
    if (typeof ended !== 'number') this.#tell(ended)
    else if (ended !== errorCodes.NONE) return ended
    return transaction.producer
  }

  /**
   * Whether a transactional batch may be appended to this partition: Produce asks before it appends. With transaction version 2 (the
   * client's Produce version is 12 or higher) the partition is added to the transaction here (KIP-890). Answers an error code.
   */
  admit(
    transactionalId: string,
    producerId: number,
    producerEpoch: number,
    topic: string,
    partition: number,
    implicit: boolean,
  ): number {
    const producer = { id: producerId, epoch: producerEpoch }
    return this.#admit(transactionalId, producer, { kind: 'partition', name: topic, partition }, implicit)
  }

  /** The same for offsets of a group: TxnOffsetCommit asks; implicit from its version 5 on. */
  admitGroup(
    transactionalId: string,
    producerId: number,
    producerEpoch: number,
    group: string,
    implicit: boolean,
  ): number {
    const producer = { id: producerId, epoch: producerEpoch }
    return this.#admit(transactionalId, producer, groupParticipant(group), implicit)
  }

  close(): void {
    this.#expiry?.cancel()
    for (const { timeout } of this.#ongoing.values()) timeout.cancel()
    this.#ongoing.clear()
    this.#transactions.clear()
  }

  /** Whoever takes part already is not asked for the transactional id again. */
  #admit(id: string, producer: Producer, participant: Participant, implicit: boolean): number {
    const ongoing = this.#ongoing.get(producer.id)?.transaction
    if (ongoing?.producer.epoch === producer.epoch && ongoing.has(participant)) return errorCodes.NONE
    return implicit ? this.add(id, producer, [participant]) : this.verify(id, producer, participant)
  }

  #newProducerId(): number {
    return this.#producerIds++
  }

  /** Null when there is no room for one more. */
  #obtain(id: string): Transaction | null {
    const known = this.#transactions.get(id)
    if (known === undefined && !this.#makeRoom(transactionCost(id))) return null
    const { clock, config } = this.#cluster
    const options = { newProducerId: () => this.#newProducerId(), allowance: this.#allowance, now: clock.now() }
    const transaction = known ?? new Transaction(id, options)
    this.#transactions.delete(id)
    this.#transactions.set(id, transaction)
    const everyMs = config.number('transaction.remove.expired.transaction.cleanup.interval.ms')
    this.#expiry ??= clock.every(everyMs, () => this.#expire())
    return transaction
  }

  /** Forgets the oldest transactional ids where there is no room: Kafka forgets them too, though only for their age. */
  #makeRoom(bytes: number): boolean {
    for (const transaction of this.#transactions.values()) {
      if (this.#allowance.fits(bytes)) break
      if (transaction.state !== 'Ongoing') this.#forget(transaction)
    }
    return this.#allowance.fits(bytes)
  }

  #expire(): void {
    const { clock, config } = this.#cluster
    const before = clock.now() - config.number('transactional.id.expiration.ms')
    for (const transaction of this.#transactions.values()) {
      if (transaction.state !== 'Ongoing' && transaction.updatedAt <= before) this.#forget(transaction)
    }
    if (this.#transactions.size > 0) return
    this.#expiry?.cancel()
    this.#expiry = null
  }

  #forget(transaction: Transaction): void {
    transaction.forget()
    this.#transactions.delete(transaction.id)
  }

  /** Aborts what a producer has not ended in time, or will not any more. */
  #fence(transaction: Transaction): void {
    this.#tell(transaction.fence(this.#cluster.clock.now()))
  }

  #tell({ producer, result, participants }: Ending): void {
    this.#ongoing.get(producer.id)?.timeout.cancel()
    this.#ongoing.delete(producer.id)
    const { topics, groups } = this.#cluster
    for (const { kind, name, partition } of participants) {
      if (kind === 'group') groups.endTransaction(name, producer.id, result)
      else topics.get(name)?.partitions[partition]?.endTransaction(producer.id, producer.epoch, result)
    }
  }
}

export function groupParticipant(name: string): Participant {
  return { kind: 'group', name, partition: 0 }
}

/** Of the empty transactional id Kafka says that it is none; of others, that no producer has it. */
function noTransaction(id: string): number {
  return id === '' ? errorCodes.INVALID_REQUEST : errorCodes.INVALID_PRODUCER_ID_MAPPING
}
