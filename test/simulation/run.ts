import type { ClaimModel } from './claim-model.ts'
import type { LogMessage } from './partition-log.ts'
import type { Keeping } from './sink-model.ts'
import type { Failing, Tries } from './tries.ts'

/** A message that was taken and is not done, as the model sees it. */
export interface Entry {
  readonly message: LogMessage
  /** What it must not run together with. Null: nothing. */
  readonly lane: string | null
  /** The handlers that run for it; one, unless something is wrong. */
  readonly running: Set<Run>
  readonly tries: Tries
  /** It is to be kept elsewhere. */
  keeping: Keeping | null
  /** A decision let later ones of its key pass. */
  passed: boolean
  /** Not tried again by this claim: left or held after it was abandoned. */
  shelved: 'leave' | 'hold' | null
}

/** A handler from when it was entered until it settles, for the messages of one partition. */
export interface Run {
  readonly model: ClaimModel
  readonly entries: readonly Entry[]
  /** Of the same batch, one for each partition, this one included. */
  companions: readonly Run[]
  /** Of single messages, what the handler said: how they failed, or null. */
  readonly said: Map<Entry, Failing | null>
  /** The dispatcher told that it gave up on it. */
  stuck: boolean
  ended: boolean
}

/** How a handler ended. */
export interface Ending {
  /** How it failed; null: it succeeded. */
  readonly failing: Failing | null
  /** Of its messages there was one alone of which it had said nothing. */
  readonly alone: boolean
  /** A partition that it had messages of was taken away, and it gave up. */
  readonly gaveUp: boolean
}

/** Those that were left to themselves are not waited for. */
export function isRunning({ running }: Entry): boolean {
  for (const { stuck } of running) if (!stuck) return true
  return false
}

/** How each message of a run ends that is not done yet; what is left out comes again, behind one of its lane that failed alone, or waits. */
export function endings(run: Run, ending: Ending): readonly (readonly [Entry, Ending])[] {
  const ended: (readonly [Entry, Ending])[] = []
  /** Of each lane in which one stays, whether those behind it come again. */
  const staying = new Map<string, boolean>()
  for (const entry of run.entries) {
    const { lane } = entry
    const said = run.said.get(entry)
    if (said === null) continue
    const ahead = lane === null ? undefined : staying.get(lane)
    const behind = ahead !== undefined && (ahead || said !== undefined)
    const stays = ending.failing !== null || said !== undefined || behind
    if (lane !== null && stays) staying.set(lane, behind || said !== undefined)
    if (!behind) ended.push([entry, said === undefined ? ending : { failing: said, alone: true, gaveUp: false }])
  }
  return ended
}
