import type { Stage } from './stage.ts'

const PAYMENTS = 24
const expired = new Set(['p7', 'p16'])

/** A bank that is busy for every fifth payment at first, and refuses two cards until they are renewed. */
class Bank {
  readonly #busy = new Map(Array.from({ length: PAYMENTS }, (_, n) => [`p${n}`, n % 5 === 0 ? 2 : 0]))
  renewed = false

  answer(id: string) {
    const busy = this.#busy.get(id) ?? 0
    this.#busy.set(id, busy - 1)
    if (busy > 0) return { status: 503 }
    if (expired.has(id) && !this.renewed) return { status: 402, json: { reason: 'the card has expired' } }
    return { status: 201 }
  }
}

const bank = new Bank()

export const payments: Stage = {
  topics: { payments: 3, 'payments.dlq': 3 },
  messages: [
    ...Array.from({ length: PAYMENTS }, (_, n) => ({
      topic: 'payments',
      key: `customer-${n % 8}`,
      value: JSON.stringify({ id: `p${n}`, cents: 1_000 + n }),
    })),
    { topic: 'payments', key: 'customer-3', value: JSON.stringify({ id: 'p?', euros: 12 }) },
  ],
  services: { BANK: request => bank.answer(String(request.headers['idempotency-key'])) },
  async play(scene) {
    await scene.done('payments', PAYMENTS + 1)
    await scene.millrace('dlq', 'list', 'payments.dlq')
    console.log('\nThe cards are renewed.')
    bank.renewed = true
    await scene.millrace('dlq', 'replay', 'payments.dlq', '--error', 'Refused', '--execute')
    await scene.done('payments', PAYMENTS + 1 + expired.size)
  },
}
