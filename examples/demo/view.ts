import type { OrderStream } from './order-stream.ts'
import { Screen } from './screen.ts'
import type { Place, Shop } from './shop.ts'
import type { Team } from './team.ts'

/** What happens, four times in a second on a terminal, and a line a second elsewhere. */
export class View {
  phase = 'open; + and - let shops join and leave, Ctrl-C closes all'
  readonly #place: Place
  readonly #stream: OrderStream
  readonly #team: Team
  readonly #screen = new Screen()
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #before = { at: this.#startedAt, produced: 0, handled: 0 }

  constructor(place: Place, stream: OrderStream, team: Team) {
    this.#place = place
    this.#stream = stream
    this.#team = team
    this.#timer = setInterval(() => this.#draw(), this.#screen.inPlace ? 250 : 1_000)
  }

  /** Draws a last time. */
  end(): void {
    clearInterval(this.#timer)
    this.#draw()
  }

  #draw(): void {
    const { produced, error } = this.#stream
    const { shops, ledger } = this.#team
    const { handled, handledTwice, failures, lastFailure } = ledger
    const now = performance.now()
    const perSecond = (count: number) => Math.round((count * 1000) / Math.max(1, now - this.#before.at))
    const coming = `${produced} (${perSecond(produced - this.#before.produced)}/s)`
    const going = `${handled} (${perSecond(handled - this.#before.handled)}/s)`
    this.#before = { at: now, produced, handled }
    const time = `${Math.round((now - this.#startedAt) / 1000)} s`
    const rows = shops.map(shop => this.#row(shop))
    const trouble = error === null ? '' : `; ${error.message}`
    this.#screen.update(
      [
        `Millrace · ${time} · ${this.phase}`,
        '',
        `  broker      ${this.#place.brokers.join()}, in this process`,
        `  produced    ${coming}${trouble}`,
        `  handled     ${going}; ${handledTwice} twice`,
        `  failures    ${failures}, each tried again; the last one:`,
        `              ${lastFailure}`,
        '',
        ...rows.map(({ name, owned, rest }) => `  ${name.padEnd(9)} ${owned.padEnd(24)} ${rest}`),
      ],
      `${time}: produced ${coming}, handled ${going}, ${handledTwice} twice, failures ${failures}; ` +
        `${rows.map(({ name, owned }) => `${name}: ${owned}; `).join('')}${this.phase}${trouble}`,
    )
  }

  /** What one consumer owns, how far it is behind, and what it is about. */
  #row({ name, consumer, handled, leaving }: Shop) {
    const { partitions, inFlight, ownership } = consumer.state()
    const owned = partitions.map(({ partition }) => partition).join(' ')
    const lag = partitions.reduce((sum, partition) => sum + (partition.lag ?? 0), 0)
    const phase = leaving ? 'leaving' : (ownership?.membership?.phase ?? 'starting')
    const rest = `lag ${String(lag).padEnd(5)} in flight ${String(inFlight).padEnd(4)} handled ${String(handled).padEnd(8)} ${phase}`
    return { name, owned: owned === '' ? 'no partition' : `partitions ${owned}`, rest }
  }
}
