import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Circuit, type CircuitDecision } from '../../src/work/circuit.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

function circuitOf(decide: () => CircuitDecision | Promise<CircuitDecision> = () => 'pause', failures = 3) {
  const clock = new VirtualClock()
  const phases: string[] = []
  let stops = 0
  const circuit = new Circuit({
    failures,
    windowMs: 1_000,
    pauseMs: 500,
    clock,
    decide,
    changed: ({ phase }) => phases.push(phase),
    stop: () => stops++,
  })
  const fail = async (...waits: number[]) => {
    for (const ms of waits) {
      await clock.advance(ms)
      circuit.failed()
    }
    await settled()
  }
  return { clock, circuit, phases, fail, stops: () => stops }
}

test('it opens at so many failures within the window, wherever they fall, and never at fewer', () => {
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(700), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (waits, failures) => {
        const { clock, circuit } = circuitOf(() => new Promise(() => {}), failures)
        const times: number[] = []
        for (const ms of waits) {
          await clock.advance(ms)
          times.push(clock.now())
          circuit.failed()
          const first = times.at(-failures)
          const tooMany = first !== undefined && clock.now() - first <= 1_000
          assert.equal(circuit.phase, tooMany ? 'open' : 'closed')
          if (tooMany) return
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('after the pause one message probes, and the circuit closes when it is handled', async () => {
  const { clock, circuit, phases, fail } = circuitOf()
  await fail(0, 0, 0)
  assert.deepEqual([circuit.phase, circuit.allows, circuit.until], ['open', false, 500])
  await clock.advance(500)
  assert.deepEqual([circuit.phase, circuit.allows], ['half-open', true])
  const probe = circuit.started(1_000)
  assert.notEqual(probe, 0)
  assert.equal(circuit.allows, false)
  assert.equal(circuit.started(1_000), 0)
  circuit.probed(probe, 'handled')
  assert.deepEqual([circuit.phase, circuit.allows, circuit.started(1_000)], ['closed', true, 0])
  // It counts anew.
  await fail(0, 0)
  assert.equal(circuit.phase, 'closed')
  assert.deepEqual(phases, ['open', 'open', 'half-open', 'closed'])
  assert.equal(clock.timers, 0)
})

test('a probe that fails opens it again, and one that tells nothing, or never ends, is followed by another', async () => {
  const { clock, circuit, fail } = circuitOf()
  await fail(0, 0, 0)
  await clock.advance(500)
  circuit.probed(circuit.started(1_000), 'failed')
  assert.deepEqual([circuit.phase, circuit.until], ['open', 1_000])
  await clock.advance(500)
  circuit.probed(circuit.started(1_000), 'unknown')
  assert.equal(circuit.allows, true)
  const late = circuit.started(1_000)
  await clock.advance(999)
  assert.equal(circuit.allows, false)
  await clock.advance(1)
  assert.deepEqual([circuit.phase, circuit.allows], ['half-open', true])
  // What it answers at last is of no interest, also while another one probes.
  circuit.probed(late, 'failed')
  assert.equal(circuit.phase, 'half-open')
  const next = circuit.started(1_000)
  circuit.probed(late, 'handled')
  assert.deepEqual([circuit.phase, circuit.allows], ['half-open', false])
  circuit.probed(next, 'handled')
  assert.equal(circuit.phase, 'closed')
  circuit.close()
  assert.equal(clock.timers, 0)
})

test('a decision that comes after it was closed sets no timer', async () => {
  const decision = Promise.withResolvers<CircuitDecision>()
  const { circuit, clock, fail } = circuitOf(() => decision.promise)
  await fail(0, 0, 0)
  circuit.close()
  decision.resolve('pause')
  await settled()
  assert.equal(clock.timers, 0)
})

test('nothing is started until somebody has decided, who may let it go on, or stop it', async () => {
  const decision = Promise.withResolvers<CircuitDecision>()
  const going = circuitOf(() => decision.promise)
  await going.fail(0, 0, 0, 0, 0)
  assert.deepEqual([going.circuit.allows, going.circuit.until], [false, null])
  decision.resolve('continue')
  await settled()
  assert.equal(going.circuit.allows, true)
  await going.fail(0, 0)
  assert.equal(going.circuit.phase, 'closed')
  const stopping = circuitOf(() => 'stop')
  await stopping.fail(0, 0, 0)
  assert.deepEqual([stopping.stops(), stopping.circuit.allows], [1, false])
})
