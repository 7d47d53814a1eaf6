/**
 * How fast records are read: batches of 100-byte messages are split, opened (checksum, inflate) and walked through. Run it with
 * `node bench/micro/records.ts`; it prints medians of several rounds and is no test.
 */
import { writeBatch } from '../../src/records/batch-writer.ts'
import { crc32c, crc32cImplementation, softwareCrc32c } from '../../src/records/crc32c.ts'
import type { Message } from '../../src/records/message.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { Compression } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'

const ROUNDS = 5
const MESSAGES = 200_000
const PLACE = { topic: 'orders', partition: 3 }
const OPTIONS = { ...PLACE, maxInflatedBytes: 64 << 20, highWatermark: 1_000_000 }

let touched = 0
const touches: Record<string, (message: Message) => void> = {
  'next() alone': message => {
    touched += message.offset
  },
  'every value touched': message => {
    touched += message.value?.length ?? 0
  },
  'offset, timestamp, key hash': message => {
    touched += message.offset + message.timestamp + message.keyHash(1)
  },
}

function frame(perBatch: number, compression: Compression): Buffer {
  const now = 1_750_000_000_000
  const records = Array.from({ length: perBatch }, (_, index) => ({
    key: `key-${(index * 7919) % 10_000}`,
    value: JSON.stringify({ index, text: 'x'.repeat(60) }).padEnd(100),
    timestamp: now + (index >> 4),
  }))
  return writeBatch(records, { compression, baseOffset: 3_000_000_000, now })
}

async function walk(source: Buffer, batches: number, touch: (message: Message) => void): Promise<void> {
  for (let i = 0; i < batches; i++) {
    for (const batch of splitBatches(source, 0, source.length, PLACE).batches) {
      const opened = openBatch(batch, OPTIONS)
      const open = opened instanceof Promise ? await opened : opened
      for (let message = open.next(); message !== null; message = open.next()) touch(message)
    }
  }
}

/** Medians over the rounds: millions per second by the clock, and nanoseconds of this thread's CPU for each. */
async function measure(what: string, units: number, run: () => void | Promise<void>): Promise<void> {
  const rates: number[] = []
  const cpu: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    const used = process.threadCpuUsage()
    await run()
    const { user, system } = process.threadCpuUsage(used)
    rates.push(units / (performance.now() - start) / 1_000)
    cpu.push(((user + system) * 1_000) / units)
  }
  const [rate, ns] = [rates, cpu].map(values => values.toSorted((a, b) => a - b)[ROUNDS >> 1] as number)
  console.log(`${what.padEnd(64)} ${rate?.toFixed(2).padStart(8)} M/s ${ns?.toFixed(0).padStart(8)} ns CPU`)
}

for (const [perBatch, compression] of [
  [1, 'none'],
  [10, 'none'],
  [150, 'none'],
  [8_000, 'none'],
  [150, 'gzip'],
  [150, 'zstd'],
] as const) {
  const source = frame(perBatch, compression)
  for (const [name, touch] of Object.entries(touches)) {
    const run = () => walk(source, Math.ceil(MESSAGES / perBatch), touch)
    await measure(`${perBatch} a batch, ${compression}, ${name}`, MESSAGES, run)
  }
}

for (const [name, checksum] of [
  [crc32cImplementation, crc32c],
  ['javascript', softwareCrc32c],
] as const) {
  for (const size of [100, 1_000, 1_000_000]) {
    const bytes = Buffer.alloc(size, 'millrace')
    const calls = Math.ceil(10_000_000 / (size + 100))
    await measure(`CRC-32C ${name}, bytes, ${size} a call`, calls * size, () => {
      for (let i = 0; i < calls; i++) touched += checksum(bytes)
    })
  }
}
if (touched === 0) throw new Error('Nothing was read')
