import type { Ledger } from './ledger.ts'
import { type Place, Shop } from './shop.ts'

const MOST = 6

/** The consumers of one group: they share the partitions, and come and go while there are orders. */
export class Team {
  readonly concurrency: number
  readonly ledger: Ledger
  readonly #place: Place
  readonly #shops: Shop[] = []
  readonly #left: Promise<unknown>[] = []
  readonly #ended = Promise.withResolvers<void>()
  #made = 0
  #closing: Promise<void> | null = null

  /** `concurrency` is of each of them. */
  constructor(ledger: Ledger, place: Place, concurrency: number) {
    this.ledger = ledger
    this.concurrency = concurrency
    this.#place = place
  }

  /** Those that are members, or become one, or leave. */
  get shops(): readonly Shop[] {
    return this.#shops
  }

  /** Resolves when all were closed; rejects when one cannot go on. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** One more joins the group. */
  add(): void {
    if (this.#closing !== null || this.#shops.length >= MOST) return
    const shop = new Shop(`shop ${++this.#made}`, this.ledger, this.#place, this.concurrency)
    this.#shops.push(shop)
    shop.consumer.run().catch(error => this.#ended.reject(error))
  }

  /** The youngest leaves, unless it is the only one: it drains, commits, and the others take over. */
  remove(): void {
    const staying = this.#shops.filter(({ leaving }) => !leaving)
    if (this.#closing === null && staying.length > 1) this.#left.push(this.#leave(staying.at(-1) as Shop))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#left, ...this.#shops.map(shop => this.#leave(shop))])
    this.#ended.resolve()
  }

  async #leave(shop: Shop): Promise<void> {
    shop.leaving = true
    await shop.consumer.close()
    const place = this.#shops.indexOf(shop)
    if (place >= 0) this.#shops.splice(place, 1)
  }
}
