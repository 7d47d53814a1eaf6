import type { Answer, Stage } from './stage.ts'

const ORDERS = 60
const CUSTOMERS = 6

/** Knows all customers but one; is busy at first with every second one of them, and has no answer at all for the first one that it is asked for. */
class Customers {
  readonly #asked = new Map<string, number>()

  answer(path: string): Answer {
    const id = path.slice(1)
    const times = (this.#asked.get(id) ?? 0) + 1
    this.#asked.set(id, times)
    if (id === 'c0' && times === 1) return null
    if (Number(id.slice(1)) % 2 === 1 && times <= 2) return { status: 503 }
    if (id === 'c4') return { status: 404 }
    return { status: 200, json: { name: `Customer ${id.slice(1)}` } }
  }
}

const customers = new Customers()

export const enrichment: Stage = {
  topics: { orders: 3, 'orders.enriched': 3 },
  messages: Array.from({ length: ORDERS }, (_, n) => ({
    topic: 'orders',
    key: `c${n % CUSTOMERS}`,
    value: JSON.stringify({ order: n }),
  })),
  services: { CUSTOMERS: request => customers.answer(String(request.url)) },
  play: scene => scene.done('enrichment', ORDERS),
  epilogue: scene => scene.show('orders.enriched'),
}
