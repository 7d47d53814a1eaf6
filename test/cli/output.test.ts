import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import test from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Output } from '../../src/cli/output.ts'
import { table } from '../../src/cli/table.ts'

/** Takes a write when it is told to. */
class Reader extends Writable {
  readonly taken: string[] = []
  #waiting: ((error?: Error) => void) | null = null

  constructor() {
    super({ autoDestroy: false })
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    this.taken.push(chunk.toString())
    this.#waiting = done
  }

  take(error?: Error): void {
    const done = this.#waiting
    this.#waiting = null
    done?.(error)
  }
}

function writing(output: Output, text: string, signal = new AbortController().signal) {
  let state = 'waits'
  const settled = output.write(
    lines => lines.appendText(text),
    () => signal,
  )
  settled.then(
    () => {
      state = 'written'
    },
    () => {
      state = 'given up'
    },
  )
  return () => state
}

test('a line is written only when the stream has taken it; what comes meanwhile is one chunk', async () => {
  const reader = new Reader()
  const output = new Output(reader, assert.fail)
  const a = writing(output, 'a')
  const b = writing(output, 'b')
  await turn()
  const c = writing(output, 'c')
  const d = writing(output, 'd')
  await turn()
  assert.deepEqual([reader.taken, a(), b(), c()], [['ab'], 'waits', 'waits', 'waits'])
  reader.take()
  await turn()
  assert.deepEqual([reader.taken, a(), b(), c()], [['ab', 'cd'], 'written', 'written', 'waits'])
  reader.take()
  await turn()
  assert.deepEqual([c(), d()], ['written', 'written'])
})

test('a line that nobody takes is given up when its signal aborts', async () => {
  const reader = new Reader()
  const output = new Output(reader, assert.fail)
  const controller = new AbortController()
  const a = writing(output, 'a', controller.signal)
  await turn()
  controller.abort()
  await turn()
  assert.equal(a(), 'given up')
})

test('a stream that breaks is told once, and nothing is acknowledged any more', async () => {
  const reader = new Reader()
  const errors: Error[] = []
  const output = new Output(reader, error => errors.push(error))
  const a = writing(output, 'a')
  await turn()
  const b = writing(output, 'b')
  reader.take(new Error('gone'))
  await turn()
  assert.deepEqual([errors.map(error => error.message), a(), b()], [['gone'], 'waits', 'waits'])
})

test('a table aligns text to the left and numbers to the right', () => {
  assert.equal(
    table([
      ['TOPIC', 'MESSAGES', 'LEADER'],
      ['a', 5, 1],
      ['orders', '-', 'none'],
      ['b', 12_000, 2],
    ]),
    [
      'TOPIC   MESSAGES  LEADER',
      'a              5       1',
      'orders         -    none',
      'b          12000       2',
      '',
    ].join('\n'),
  )
})
