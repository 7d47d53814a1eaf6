import { errorCodes } from '../../protocol/error-codes.ts'
import { type Allowance, entryCost, textCost } from '../groups/allowance.ts'

/** As Kafka calls them. The states in which it prepares an end do not last here. */
export type TransactionState = 'Empty' | 'Ongoing' | 'CompleteCommit' | 'CompleteAbort'

export type Result = 'commit' | 'abort'

/** Who writes, and in which of its lives: a larger epoch fences the smaller ones. */
export interface Producer {
  readonly id: number
  readonly epoch: number
}

/** What takes part in a transaction: a partition of a topic, or the offsets of a group. */
export interface Participant {
  readonly kind: 'partition' | 'group'
  /** Of the topic or the group. */
  readonly name: string
  /** 0 for groups. */
  readonly partition: number
}

/** What all participants are to be told. */
export interface Ending {
  /** The epoch is that of the markers. */
  readonly producer: Producer
  readonly result: Result
  readonly participants: readonly Participant[]
}

/** No producer gets a larger epoch: the next one is left for fencing it. */
const lastEpoch = 32_766

export interface TransactionOptions {
  /** Gives an id that nobody had before. */
  readonly newProducerId: () => number
  readonly allowance: Allowance
  readonly now: number
}

/** The transactions of one transactional id, one after another. Answers are Kafka's error codes. */
export class Transaction {
  readonly id: string
  readonly #newProducerId: () => number
  readonly #allowance: Allowance
  readonly #participants = new Map<string, Participant>()
  #producer: Producer
  /** Whose id it was before the last change; -1: nobody's. */
  #previousId = -1
  /** The epoch that the same producer had before this one; -1: another one has it now. */
  #previousEpoch = -1
  #state: TransactionState = 'Empty'
  #timeoutMs = 0
  #startedAt = -1
  #updatedAt: number

  constructor(id: string, { newProducerId, allowance, now }: TransactionOptions) {
    this.id = id
    this.#newProducerId = newProducerId
    this.#allowance = allowance
    this.#producer = { id: newProducerId(), epoch: -1 }
    this.#updatedAt = now
    allowance.charge(transactionCost(id))
  }

  get producer(): Producer {
    return this.#producer
  }

  get state(): TransactionState {
    return this.#state
  }

  get timeoutMs(): number {
    return this.#timeoutMs
  }

  /** By the clock, when the one that is ongoing began; -1 before the first. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** By the clock, when anything last happened. */
  get updatedAt(): number {
    return this.#updatedAt
  }

  get participants(): Iterable<Participant> {
    return this.#participants.values()
  }

  has(participant: Participant): boolean {
    return this.#participants.has(keyOf(participant))
  }

  /** Whether one who says to be this producer may go on under this transactional id. */
  isKnown({ id, epoch }: Producer): boolean {
    const retried = id === this.#previousId && epoch >= lastEpoch
    return this.#producer.epoch === -1 || id === this.#producer.id || retried
  }

  /** A producer begins its life, or with `expected` goes on after an error (KIP-360). Nothing may be ongoing. */
  init(timeoutMs: number, expected: Producer | null, now: number): number {
    const { id, epoch } = this.#producer
    const same = expected !== null && (epoch === -1 || expected.epoch === epoch)
    if (epoch >= lastEpoch) {
      if (expected !== null && !same) return errorCodes.UNKNOWN_SERVER_ERROR
      this.#become({ id: this.#newProducerId(), epoch: 0 }, same ? epoch : -1)
    } else if (expected === null || same) this.#become({ id, epoch: epoch + 1 }, same ? epoch : -1)
    else if (expected.epoch !== this.#previousEpoch) return errorCodes.PRODUCER_FENCED
    this.#state = 'Empty'
    this.#timeoutMs = timeoutMs
    this.#startedAt = -1
    this.#updatedAt = now
    return errorCodes.NONE
  }

  /** Why this producer may not act, if it may not. */
  check({ id, epoch }: Producer): number {
    if (id !== this.#producer.id) return errorCodes.INVALID_PRODUCER_ID_MAPPING
    return epoch === this.#producer.epoch ? errorCodes.NONE : errorCodes.PRODUCER_FENCED
  }

  /** The first ones begin the transaction. False when there is no room for them. */
  add(participants: readonly Participant[], now: number): boolean {
    const added = participants.filter(participant => !this.has(participant))
    const cost = added.reduce((sum, participant) => sum + participantCost(participant), 0)
    if (!this.#allowance.fits(cost)) return false
    if (this.#state === 'Ongoing' && added.length === 0) return true
    // A participant may be named twice, and is charged once.
    for (const participant of added) {
      if (!this.has(participant)) this.#allowance.charge(participantCost(participant))
      this.#participants.set(keyOf(participant), participant)
    }
    if (this.#state !== 'Ongoing') this.#startedAt = now
    this.#state = 'Ongoing'
    this.#previousId = this.#producer.id
    this.#updatedAt = now
    return true
  }

  /** Ends what is ongoing, and fences the one who began it. */
  fence(now: number): Ending {
    const { id, epoch } = this.#producer
    return this.#end('abort', { id, epoch: epoch + 1 }, now)
  }

  /** Ended by a producer that keeps its epoch. */
  end(producer: Producer, result: Result, now: number): Ending | number {
    const refused = this.check(producer)
    if (refused !== errorCodes.NONE) return refused
    if (this.#state === 'Ongoing') return this.#end(result, this.#producer, now)
    return this.#isEnded(result) ? errorCodes.NONE : errorCodes.INVALID_TXN_STATE
  }

  /** Ended by a producer that gets the next epoch with it (KIP-890), so that what it sent before cannot arrive in the next transaction. */
  endAndAdvance({ id, epoch }: Producer, result: Result, now: number): Ending | number {
    const present = this.#producer
    const ended = this.#state === 'CompleteCommit' || this.#state === 'CompleteAbort'
    const overflowed = id === this.#previousId && epoch === lastEpoch && present.epoch === 0
    const retried = ended && (overflowed || present.epoch === epoch + 1)
    if (id !== present.id && !overflowed) return errorCodes.INVALID_PRODUCER_ID_MAPPING
    if (epoch !== present.epoch && !retried) return errorCodes.PRODUCER_FENCED
    if (retried) return this.#isEnded(result) ? errorCodes.NONE : errorCodes.INVALID_TXN_STATE
    // What has not begun can be aborted.
    if (this.#state !== 'Ongoing' && result === 'commit') return errorCodes.INVALID_TXN_STATE
    const ending = this.#end(result, { id, epoch: epoch + 1 }, now)
    if (epoch >= lastEpoch) this.#become({ id: this.#newProducerId(), epoch: 0 }, epoch)
    return ending
  }

  /** Gives back what it took. */
  forget(): void {
    this.#clear()
    this.#allowance.charge(-transactionCost(this.id))
  }

  #isEnded(result: Result): boolean {
    return this.#state === (result === 'commit' ? 'CompleteCommit' : 'CompleteAbort')
  }

  #end(result: Result, producer: Producer, now: number): Ending {
    const participants = [...this.#participants.values()]
    this.#clear()
    this.#become(producer, producer === this.#producer ? this.#previousEpoch : this.#producer.epoch)
    this.#state = result === 'commit' ? 'CompleteCommit' : 'CompleteAbort'
    this.#updatedAt = now
    return { producer, result, participants }
  }

  #become(producer: Producer, previousEpoch: number): void {
    this.#previousId = this.#producer.id
    this.#producer = producer
    this.#previousEpoch = previousEpoch
  }

  #clear(): void {
    for (const participant of this.#participants.values()) this.#allowance.charge(-participantCost(participant))
    this.#participants.clear()
  }
}

/** What a transactional id takes in memory. */
export function transactionCost(id: string): number {
  return entryCost + textCost(id)
}

function participantCost({ name }: Participant): number {
  return entryCost / 2 + textCost(name)
}

function keyOf({ kind, name, partition }: Participant): string {
  return `${kind} ${partition} ${name}`
}
