import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster.ts'
import { Crew, type MemberProcess } from './churn.ts'
import type { Testimony } from './witness.ts'

/** Something bad, by name; each resolves when it is over. */
export type Troubles = Readonly<Record<string, () => Promise<void>>>

export interface SoakOptions {
  readonly seconds: number
  readonly random: Random
  readonly troubles: (topic: string) => Troubles
}

export interface SoakReport extends Testimony {
  /** How often each trouble was made. */
  readonly made: Readonly<Record<string, number>>
  /** Of the members that were there all the time, the one that grew most. */
  readonly memory: Growth
  readonly handles: Growth
}

/** Medians of the second and of the last third of the time. */
interface Growth {
  readonly from: number
  readonly to: number
}

interface Usage {
  /** MiB in memory. */
  readonly memory: number
  /** Files and sockets that are open. */
  readonly handles: number
}

const topic = 'soak'
const perSecond = 200
/** What a flat line may rise: Node returns memory late, and connections come and go. */
const slackMiB = 12
const slackHandles = 3

/**
 * Three members live through all of it while a fourth comes, goes and is killed, and one trouble after another is made at random. Nothing
 * may be lost, no two be at a partition at once, and nothing be handled again but what a killed or lost handler left; and what the three
 * hold of memory, files and sockets is flat.
 */
export async function soak(cluster: Cluster, { seconds, random, troubles }: SoakOptions): Promise<SoakReport> {
  await using crew = await Crew.gather(cluster, {
    topic,
    partitions: 12,
    strategy: 'cooperative-sticky',
    perSecond,
    sessionTimeoutMs: 10_000,
  })
  const members = [crew.join('first'), crew.join(), crew.join()]
  const all = Object.entries({ ...troubles(topic), ...comings(crew, random) })
  const made: Record<string, number> = Object.fromEntries(all.map(([name]) => [name, 0]))
  const samples: Usage[][] = members.map(() => [])
  await crew.progress(perSecond)
  const end = performance.now() + seconds * 1_000
  while (performance.now() < end) {
    const [name, trouble] = all[Math.floor(random() * all.length)] as (typeof all)[number]
    made[name] = (made[name] ?? 0) + 1
    await trouble()
    await crew.progress(Math.ceil(perSecond * (0.5 + 2 * random())))
    for (const [at, member] of members.entries()) samples[at]?.push(usageOf(member))
  }
  const testimony = await crew.finish()
  const memory = worst(samples.map(usages => growth(usages.map(usage => usage.memory))))
  const handles = worst(samples.map(usages => growth(usages.map(usage => usage.handles))))
  assert.ok(memory.to - memory.from <= slackMiB, `a member grew from ${memory.from} to ${memory.to} MiB`)
  assert.ok(handles.to - handles.from <= slackHandles, `a member's handles rose from ${handles.from} to ${handles.to}`)
  return { ...testimony, made, memory, handles }
}

/** A fourth member joins, leaves and is killed. */
function comings(crew: Crew, random: Random): Troubles {
  let fourth: MemberProcess | null = null
  return {
    'a member came or went': async () => {
      if (fourth === null) fourth = crew.join()
      else {
        await (random() < 0.5 ? crew.kill(fourth) : crew.leave(fourth))
        fourth = null
      }
    },
  }
}

/** A process that stops for less than any timeout, as a machine that swaps. */
export async function stall(pid: number | undefined, ms: number): Promise<void> {
  if (pid === undefined) return
  process.kill(pid, 'SIGSTOP')
  await delay(ms)
  process.kill(pid, 'SIGCONT')
}

export function tellSoak(what: string, { handled, again, interrupted, made, memory, handles }: SoakReport): string {
  const told = Object.entries(made).map(([name, times]) => `${name} ${times} ×`)
  return (
    `${what}: ${told.join(', ')}; ${handled} messages handled, none lost, ${again} again and ${interrupted} interrupted; ` +
    `memory ${memory.from} → ${memory.to} MiB, handles ${handles.from} → ${handles.to}`
  )
}

function usageOf({ pid }: MemberProcess): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
  return { memory: Math.round(kiB / 1024), handles: readdirSync(`/proc/${pid}/fd`).length }
}

function growth(values: readonly number[]): Growth {
  const third = Math.floor(values.length / 3)
  return { from: median(values.slice(third, 2 * third)), to: median(values.slice(2 * third)) }
}

function worst(growths: readonly Growth[]): Growth {
  return growths.reduce((worst, each) => (each.to - each.from > worst.to - worst.from ? each : worst))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
