// What one message costs in Progress: add + settle, in order and at random within a window of 1,000.
import { seededRandom } from '../../src/base/random.ts'
import { Progress } from '../../src/offsets/progress.ts'

const MESSAGES = 8_000_000
const WINDOW = 1_000

function inOrder(): Progress {
  const progress = new Progress()
  for (let offset = 0; offset < MESSAGES; offset++) progress.settle(progress.add(offset))
  return progress
}

const random = seededRandom(1)
const picks = Uint16Array.from({ length: 1 << 16 }, () => Math.floor(random() * WINDOW))

/** `WINDOW` messages are always open; each new one takes the place of one picked at random, which settles. */
function atRandom(stuck: boolean): Progress {
  const progress = new Progress()
  if (stuck) progress.add(0)
  const window = new Float64Array(WINDOW)
  for (let i = 0; i < WINDOW; i++) window[i] = progress.add(i + 1)
  for (let i = 0; i < MESSAGES; i++) {
    const pick = picks[i & 0xffff] as number
    progress.settle(window[pick] as number)
    window[pick] = progress.add(WINDOW + 1 + i)
  }
  return progress
}

function report(name: string, run: () => Progress): void {
  const times: number[] = []
  for (let round = 0; round < 6; round++) {
    const start = performance.now()
    run()
    if (round > 0) times.push(((performance.now() - start) * 1e6) / MESSAGES)
  }
  times.sort((a, b) => a - b)
  console.log(`${name.padEnd(42)} best ${times[0]?.toFixed(1)} ns, median ${times[2]?.toFixed(1)} ns`)
}

report('in order', inOrder)
report('at random within 1,000', () => atRandom(false))
report('at random within 1,000, one stuck for good', () => atRandom(true))
