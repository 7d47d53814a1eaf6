import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../../../src/base/errors.ts'
import type { HandlerContext, Message } from '../../../src/index.ts'
import { Poison, Retry } from '../../../src/work/failure.ts'

/** A handler that does what its message's value says, and logs when it began and ended, by a clock that all threads share. */
const thread = randomUUID()

class Refused extends MillraceError {
  readonly status = 409
}

const deeds: Record<string, (message: Message, context: HandlerContext) => unknown> = {
  '': () => {},
  spin: () => {
    for (;;);
  },
  exit: () => process.exit(7),
  // Nobody awaits it.
  'throw later': async () => {
    setTimeout(() => {
      throw new RangeError('nobody caught this')
    })
    await delay(3_600_000)
  },
  'spin once': (message, context) => context.attempt === 1 && deeds.spin?.(message, context),
  'exit once': (message, context) => context.attempt === 1 && deeds.exit?.(message, context),
  wait: async (_, { signal }) => {
    await delay(3_600_000, undefined, { signal }).catch(() => {
      throw signal.reason
    })
  },
  'wait, then resolve': async (_, { signal }) => {
    await delay(3_600_000, undefined, { signal }).catch(() => {})
  },
  'never settle': () => new Promise(() => {}),
  work: async () => {
    const end = performance.now() + 3
    while (performance.now() < end);
    await delay(1)
  },
  // Cannot be ended before there is the file that its key names.
  'native once': ({ key }, { attempt, log }) => {
    if (attempt > 1) log.info({ released: existsSync(String(key)) }, 'again')
    else spawnSync('sh', ['-c', 'while [ ! -e "$0" ]; do sleep 0.01; done', String(key)])
  },
  fail: () => {
    throw Object.assign(new TypeError('told to', { cause: new MillraceError('INNER', 'why') }), { code: 'TOLD' })
  },
  'fail with a function': () => {
    throw Object.assign(new Error('cannot be cloned'), { fn: () => {} })
  },
  'fail with a text': () => {
    throw 'a text'
  },
  refuse: () => {
    throw new Refused('REFUSED', 'not now', { retriable: true })
  },
  poison: () => {
    throw new Poison('useless')
  },
  retry: (_, { attempt }) => {
    if (attempt === 1) throw new Retry({ afterMs: 5 })
  },
  log: (_, { log }) => {
    log.warn({ fn: () => {} }, 'with a function')
    log.error({ err: new Error('inside') }, 'with an error')
  },
}

export default async function told(message: Message, context: HandlerContext): Promise<void> {
  const { topic, partition, offset, timestamp, timestampType, highWatermark, leaderEpoch, headers } = message
  const place = { topic, partition, offset, timestamp, timestampType, highWatermark, leaderEpoch }
  const { attempt, deadline, signal, log } = context
  log.info({ ...place, at: process.hrtime.bigint(), thread, deadline, headers: headers.raw }, 'begins')
  signal.addEventListener('abort', () =>
    log.info({ reason: signal.reason.name, code: signal.reason.code, attempt }, 'aborted'),
  )
  await deeds[String(message.value ?? '')]?.(message, context)
  log.info({ at: process.hrtime.bigint(), key: message.key, isBuffer: Buffer.isBuffer(message.key) }, 'ends')
}
