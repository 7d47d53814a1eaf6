/**
 * Payments are charged at a bank, each once. What may work later is tried again, with longer and longer waits; what never will is kept
 * in a dead-letter topic, and the others go on. While the bank is down nothing is given up.
 *
 *     npm run example -- payments    here, with a broker and a bank of its own
 *     BROKERS=localhost:9092 BANK=https://bank.example/charges node payments.ts
 *
 * Look at the dead letters, and write those back whose cause is mended:
 *
 *     millrace dlq list payments.dlq --summary
 *     millrace dlq list payments.dlq --error NotAPayment
 *     millrace dlq replay payments.dlq --error Refused --group payments-replay --execute
 */
import { Consumer, deadLetter, exponential, json, Poison, Retry, string } from 'millrace'

const bank = process.env.BANK ?? 'http://localhost:8080/charges'

interface Payment {
  readonly id: string
  readonly cents: number
}

// Their names are in the dead letters, so that one kind can be written back without the others.
class NotAPayment extends Poison {}
class Refused extends Poison {}

/** Not poison: it is tried again. */
class BankDown extends Error {}

const dead = deadLetter('payments.dlq')

const payments = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'payments',
  work: {
    concurrency: 32,
    timeoutMs: 10_000,
    attempts: 4,
    backoff: exponential(250, 30_000),
    // A payment with nothing wrong about it waits for the bank, and the customer's next ones wait behind it.
    onFailure: ({ error, reason }) => (error instanceof Poison || reason === 'decode' ? dead : 'hold'),
    // One payment in half a minute is enough to learn whether the bank is there again.
    breaker: { failures: 20, windowMs: 60_000, pauseMs: 30_000 },
  },
}).topic('payments', { key: string, value: json() }, async ({ key, value }, { signal, attempt }) => {
  const payment = checked(value)
  const response = await fetch(bank, {
    method: 'POST',
    // Its own name, and not its place in the topic, which is another one when it was a dead letter: what comes twice is charged once.
    headers: { 'content-type': 'application/json', 'idempotency-key': payment.id },
    body: JSON.stringify({ customer: key, cents: payment.cents }),
    signal,
  })
  // To be read even if nobody wants it, or the connection is not used again.
  const answer = await response.text()
  if (response.ok) {
    console.log(`${payment.id}: ${payment.cents / 100} charged${attempt > 1 ? ` at attempt ${attempt}` : ''}`)
    return
  }
  if (response.status === 402 || response.status === 422) throw new Refused(`${payment.id}: ${answer}`)
  // All else is not about this payment: a bank that is down, or busy, or a wrong address or password of ours.
  const after = Number(response.headers.get('retry-after'))
  if (response.status === 429 && after > 0) throw new Retry({ afterMs: after * 1_000 })
  throw new BankDown(`the bank answered ${response.status} to ${payment.id}`)
})

function checked(value: unknown): Payment {
  const { id, cents } = Object(value) as Partial<Payment>
  if (typeof id === 'string' && Number.isSafeInteger(cents)) return value as Payment
  throw new NotAPayment('it needs an id and cents')
}

await payments.run({ handleSignals: true })
