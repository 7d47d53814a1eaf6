import { DueTime } from '../../src/consumer/admission.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { FailureSink, KeepingSink, LetterSink } from '../../src/consumer/failure-sink.ts'
import { isKeeping, isSink } from '../../src/consumer/failure-sink.ts'
import { Letter } from '../../src/consumer/keeping.ts'
import { Sinks } from '../../src/consumer/sinks.ts'
import type { ProducerMessage } from '../../src/producer/message.ts'
import { Dispatcher } from '../../src/work/dispatcher.ts'
import { type Decision, type OnFailure, Poison, Retry } from '../../src/work/failure.ts'
import { Failures } from '../../src/work/failures.ts'
import type { Route } from '../../src/work/route.ts'
import { Settling } from '../../src/work/settling.ts'
import { type Slot, SlotState } from '../../src/work/slot.ts'
import { Waiting } from '../../src/work/waiting.ts'
import { all, replace } from '../replace.ts'
import type { PlantedBug } from './plant.ts'
import { leavingLanes } from './planted-bugs.ts'

export const NEVER = Number.MAX_SAFE_INTEGER

const isRetried = ({ state, undone }: Slot<AnyMessage>) => state === SlotState.waiting && !undone
const isHeld = ({ state, undone, left }: Slot<AnyMessage>) => state === SlotState.waiting && undone && !left
const isLeft = ({ left }: Slot<AnyMessage>) => left

/** Of what becomes of messages that fail: by a bug at least for each decision. */
export const bugsOfDecisions: readonly PlantedBug[] = [
  // ── another attempt ───────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'another attempt does not wait for its backoff',
    breaks: ['attempts'],
    install: () => due(isRetried, 0),
  },
  {
    name: 'another attempt is never made',
    breaks: ['1'],
    install: () => due(isRetried, NEVER),
  },
  {
    name: 'a delay that a handler asks for is not kept',
    breaks: ['attempts'],
    install: () => failing(error => (error instanceof Retry ? new Error(error.message) : error)),
  },
  {
    name: 'poison is tried again',
    breaks: ['attempts'],
    install: () => failing(error => (error instanceof Poison ? new Error(error.message) : error)),
  },
  // ── done ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a message that is given up is not settled',
    breaks: ['1', 'attempts'],
    install: () => {
      let count = 0
      return replace(
        Settling.prototype,
        'done',
        done =>
          function (slot) {
            if (slot.state === SlotState.deciding && ++count % 5 === 0) this.drop(slot)
            else done.call(this, slot)
          },
      )
    },
  },
  {
    name: 'a message that is to be skipped is left',
    breaks: ['decisions', 'sinks'],
    install: () => deciding('skip', 'leave'),
  },
  // ── leave ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'what is left counts as done',
    breaks: ['decisions', 'sinks'],
    install: () => deciding('leave', 'skip'),
  },
  {
    name: 'what is left comes again at once',
    breaks: ['attempts'],
    install: () => due(isLeft, 0),
  },
  {
    name: 'what is left does not come again',
    breaks: ['1'],
    install: () => due(isLeft, NEVER),
  },
  {
    name: 'what is left keeps its lane',
    breaks: ['1', '2', 'exception', '4'],
    install: () =>
      replace(
        Settling.prototype,
        'leaveLane',
        leaveLane =>
          function (slot) {
            if (slot.state !== SlotState.deciding || !slot.undone) leaveLane.call(this, slot)
          },
      ),
  },
  // ── hold ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'what is held is left',
    breaks: ['decisions', 'sinks'],
    install: () => deciding('hold', 'leave'),
  },
  {
    name: 'what is held lets those of its key pass',
    breaks: ['2'],
    from: 17,
    install: () => leavingLanes(isHeld),
  },
  {
    name: 'what is held is probed at once',
    breaks: ['attempts'],
    install: () => due(isHeld, 0),
  },
  {
    name: 'what is held is not probed',
    breaks: ['1'],
    from: 10,
    install: () => due(isHeld, NEVER),
  },
  {
    name: 'what is held is counted twice',
    breaks: ['4'],
    install: () =>
      whenWaiting(slot => {
        if (isHeld(slot)) slot.intake.undone++
      }),
  },
  // ── stop ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'what stops the consumer is skipped',
    breaks: ['decisions'],
    install: () => deciding('stop', 'skip'),
  },
  {
    name: 'the consumer goes on after a decision to stop',
    breaks: ['1', '2', '4'],
    install: () => replace(Dispatcher.prototype, 'stop', () => () => {}),
  },
  {
    name: 'what stops the consumer counts as done',
    breaks: ['1'],
    install: () => {
      const done = new WeakSet<object>()
      return all(
        replace(
          Settling.prototype,
          'done',
          original =>
            function (slot) {
              done.add(slot)
              original.call(this, slot)
              done.delete(slot)
            },
        ),
        replace(
          Settling.prototype,
          'drop',
          drop =>
            function (slot) {
              const { claim } = slot.intake
              if (slot.state === SlotState.deciding && claim.live && !done.has(slot))
                claim.settle(slot.place, slot.message)
              drop.call(this, slot)
            },
        ),
      )
    },
  },
  {
    name: 'what is skipped to stop is left to be done again',
    breaks: ['decisions'],
    from: 17,
    install: () => deciding('skip-and-stop', 'stop'),
  },
  {
    name: 'what is skipped to stop does not stop',
    breaks: ['decisions'],
    from: 17,
    install: () => deciding('skip-and-stop', 'skip'),
  },
  // ── kept elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a dead letter that could not be written counts as done',
    breaks: ['sinks'],
    from: 10,
    install: () =>
      replace(
        Letter.prototype,
        'failed',
        () =>
          function () {
            this.delivered()
          },
      ),
  },
  {
    name: 'a message that could not be parked counts as done',
    breaks: ['sinks'],
    install: () =>
      keeping(
        keep =>
          (...asked) =>
            keep(...asked).catch((): Decision => 'skip'),
      ),
  },
  {
    name: 'a message that was parked is held',
    breaks: ['sinks'],
    install: () =>
      keeping(
        keep =>
          (...asked) =>
            keep(...asked).then(() => 'hold'),
      ),
  },
  {
    name: 'a dead letter has lost its value',
    breaks: ['sinks'],
    install: () => writing(letter => ({ ...letter, value: null })),
  },
  {
    name: 'a dead letter has lost its key',
    breaks: ['sinks'],
    install: () => writing(letter => ({ ...letter, key: 'another' })),
  },
  {
    name: 'a dead letter does not say how often it was tried',
    breaks: ['sinks'],
    install: () => asking(ask => (failure, parts) => ask({ ...failure, attempts: 0 }, parts)),
  },
  // ── retry topics ──────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'a message of a retry topic is handled before it is due',
    breaks: ['due'],
    from: 10,
    install: () => replace(DueTime.prototype, 'admits', () => () => true),
  },
  {
    name: 'a message of a retry topic that is due is not looked at',
    breaks: ['1'],
    from: 10,
    install: () =>
      replace(
        DueTime.prototype,
        'admits',
        admits =>
          function (message) {
            if (admits.call(this, message)) return true
            this.end()
            return false
          },
      ),
  },
  {
    name: 'a message that fails in a retry topic goes to the first one again',
    breaks: ['sinks'],
    from: 33,
    install: () => asking(ask => (failure, parts) => ask(failure, { ...parts, retryOf: () => null })),
  },
  {
    name: 'a message that waits in a retry topic is due now',
    breaks: ['sinks'],
    from: 10,
    install: () => asking(ask => (failure, parts) => ask(failure, { ...parts, now: 0 })),
  },
]

/** This follows when a slot begins to wait. */
export function whenWaiting(then: (slot: Slot<AnyMessage>) => void): () => void {
  return replace(
    Waiting.prototype,
    'add',
    add =>
      function (slot, at) {
        add.call(this, slot, at)
        then(slot)
      },
  )
}

/** Slots that wait are due at another time. */
export function due(which: (slot: Slot<AnyMessage>) => boolean, at: number): () => void {
  return replace(
    Waiting.prototype,
    'add',
    add =>
      function (slot, due) {
        add.call(this, slot, which(slot) ? at : due)
      },
  )
}

/** Handlers fail with other errors. */
function failing(other: (error: Error) => Error): () => void {
  return replace(
    Failures.prototype,
    'failed',
    failed =>
      function (slot, error) {
        failed.call(this, slot, other(error))
      },
  )
}

/** Routes are other ones to the dispatcher. */
export function routing(other: (route: Route<AnyMessage>) => Route<AnyMessage>): () => void {
  return replace(
    Dispatcher.prototype,
    'add',
    add =>
      function (claim, route) {
        add.call(this, claim, other(route))
      },
  )
}

/** One decision is taken for another. */
function deciding(decision: Decision, other: Decision): () => void {
  const taken = (answer: Decision) => (answer === decision ? other : answer)
  const wrong = (onFailure: OnFailure<AnyMessage>): OnFailure<AnyMessage> => {
    if (typeof onFailure === 'string') return taken(onFailure)
    return failure => {
      const answer = onFailure(failure)
      return typeof answer === 'string' ? taken(answer) : answer.then(taken)
    }
  }
  return routing(route => ({ ...route, onFailure: wrong(route.onFailure) }))
}

/** Sinks that have letters written ask for other ones. */
function asking(other: (ask: LetterSink['letter']) => LetterSink['letter']): () => void {
  return sinks(sink => (isKeeping(sink) ? sink : { ...sink, letter: other(sink.letter) }))
}

/** Other letters are written. */
function writing(other: (letter: ProducerMessage) => ProducerMessage): () => void {
  return asking(ask => (...asked) => {
    const answer = ask(...asked)
    return typeof answer === 'string' || isSink(answer) ? answer : other(answer)
  })
}

/** Sinks that keep messages by themselves do it otherwise. */
function keeping(other: (keep: KeepingSink['keep']) => KeepingSink['keep']): () => void {
  return sinks(sink => (isKeeping(sink) ? { ...sink, keep: other(sink.keep) } : sink))
}

/** Sinks are other ones. */
function sinks(other: (sink: FailureSink) => FailureSink): () => void {
  return replace(
    Sinks.prototype,
    'onFailure',
    onFailure =>
      function (option) {
        return onFailure.call(this, isSink(option) ? other(option) : option)
      },
  )
}
