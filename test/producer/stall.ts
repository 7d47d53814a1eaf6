import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Producer } from '../../src/producer/producer.ts'
import { reachableBytes } from '../client/memory.ts'

const MiB = 1 << 20
const bufferBytes = 8 * MiB
const MESSAGE_BYTES = 1_024
/** Sent in one turn of the event loop, and waited for by nobody. */
const AT_ONCE = 200

export interface StallReport {
  readonly sent: number
  readonly delivered: number
  /** Refused since too much waited. */
  readonly full: number
  /** Most bytes that messages in batches took. */
  readonly mostBytes: number
  /** Memory that is held at the end of the stall, and was not at its begin. */
  readonly heldBytes: number
  /** Most that resident memory grew by meanwhile, garbage included. */
  readonly grewBytes: number
}

/** A broker that answers nothing for so long, while a program goes on sending and waits for nothing. In the end it answers again. */
export async function stall(ms: number): Promise<StallReport> {
  await using broker = await Broker.start({ topics: { orders: 4 } })
  await using producer = new Producer({
    brokers: broker.brokers,
    bufferBytes,
    logger: new StderrLogger('silent', systemClock),
    requestTimeoutMs: ms + 500,
  })
  const report = { sent: 0, delivered: 0, full: 0, mostBytes: 0, heldBytes: 0, grewBytes: 0 }
  let settled = 0
  const send = (): Promise<void> => {
    report.sent++
    return producer.send({ topic: 'orders', value: Buffer.alloc(MESSAGE_BYTES, 'x') }).then(
      () => {
        report.delivered++
        settled++
      },
      error => {
        assert.equal(error.code, 'BUFFER_FULL')
        report.full++
        settled++
      },
    )
  }
  for (let n = 0; n < 2_000; n++) await send()
  {
    using stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
    void send()
    await stalled.hit()
    const held = await reachableBytes()
    const before = process.memoryUsage.rss()
    for (const end = performance.now() + ms; performance.now() < end; ) {
      for (let n = 0; n < AT_ONCE; n++) void send()
      await turn()
      report.mostBytes = Math.max(report.mostBytes, producer.state().buffer.bytes)
      report.grewBytes = Math.max(report.grewBytes, process.memoryUsage.rss() - before)
    }
    report.heldBytes = (await reachableBytes()) - held
  }
  await producer.flush()
  assert.equal(settled, report.sent)
  assert.equal(producer.state().buffer.bytes, 0)
  assert.ok(report.full > 0, 'it was not enough to fill what is bounded')
  assert.ok(report.mostBytes <= bufferBytes, `${report.mostBytes} bytes in a buffer of ${bufferBytes}`)
  // In batches, what waits for room (four buffers at most), the broker's copy, and the objects of all.
  assert.ok(report.heldBytes < 14 * bufferBytes, `${Math.round(report.heldBytes / MiB)} MiB are held`)
  // What is refused at once is garbage.
  assert.ok(report.grewBytes < 50 * bufferBytes, `memory grew by ${Math.round(report.grewBytes / MiB)} MiB`)
  return report
}
