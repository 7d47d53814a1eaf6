import type { OrderStream } from './order-stream.ts'
import { Screen } from './screen.ts'
import type { Shop } from './shop.ts'

/** What happens, four times in a second on a terminal, and a line a second elsewhere. */
export class View {
  phase = 'open; Ctrl-C closes it'
  readonly #brokers: readonly string[]
  readonly #stream: OrderStream
  readonly #shop: Shop
  readonly #screen = new Screen()
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #before = { at: this.#startedAt, produced: 0, handled: 0 }

  constructor(brokers: readonly string[], stream: OrderStream, shop: Shop) {
    this.#brokers = brokers
    this.#stream = stream
    this.#shop = shop
    this.#timer = setInterval(() => this.#draw(), this.#screen.inPlace ? 250 : 1_000)
  }

  /** Draws a last time. */
  end(): void {
    clearInterval(this.#timer)
    this.#draw()
  }

  #draw(): void {
    const { produced, error } = this.#stream
    const { concurrency, lastFailure, ledger } = this.#shop
    const { handled } = ledger
    const { reservoir, inFlight, work, partitions } = this.#shop.consumer.state()
    const now = performance.now()
    const perSecond = (count: number) => Math.round((count * 1000) / Math.max(1, now - this.#before.at))
    const coming = `${produced} (${perSecond(produced - this.#before.produced)}/s)`
    const going = `${handled} (${perSecond(handled - this.#before.handled)}/s)`
    this.#before = { at: now, produced, handled }
    const time = `${Math.round((now - this.#startedAt) / 1000)} s`
    const ready = partitions.reduce((sum, partition) => sum + partition.reservoir.messages, 0)
    const kilobytes = `${Math.round(reservoir.bytes / 1024)} kB`
    const lags = partitions.map(({ lag }) => lag ?? 0)
    // Once the shop is closed it has no partitions any more.
    const lag = lags.length === 0 ? '' : `lag ${lags.join(' ')}, `
    const trouble = error === null ? '' : `; ${error.message}`
    this.#screen.update(
      [
        `Millrace · ${time} · ${this.phase}`,
        '',
        `  broker      ${this.#brokers.join()}, in this process`,
        `  produced    ${coming}${trouble}`,
        `  handled     ${going}`,
        `  reservoir   ${ready} ready, ${kilobytes} in memory of ${reservoir.limit / 1024 / 1024} MB`,
        `  in flight   ${inFlight} of ${concurrency}`,
        `  failures    ${work.retried}, each tried again; the last one:`,
        `              ${lastFailure}`,
        '',
        ...partitions.map(({ topic, partition, committed, highWatermark }, at) => {
          const text = `committed ${Math.max(0, committed)} of ${Math.max(0, highWatermark)}`
          return `  ${topic}[${partition}]   ${text.padEnd(30)} lag ${lags[at]}`
        }),
      ],
      `${time}: produced ${coming}, handled ${going}, reservoir ${ready} (${kilobytes}), in flight ${inFlight}, ` +
        `${lag}failures ${work.retried}; ${this.phase}${trouble}`,
    )
  }
}
