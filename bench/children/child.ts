import type { Measurement, Task } from '../measurement.ts'
import { Pass } from './pass.ts'
import { TimerLateness } from './timer-lateness.ts'

/** Goes through the topic once, with a client of its own, and has closed it when it resolves. */
export type RunPass = (task: Task, pass: Pass) => Promise<void>

export function readTask(): Task {
  const [json] = process.argv.slice(2)
  if (json === undefined) throw new Error('This is started by bench/run.ts, with its task as JSON')
  return JSON.parse(json) as Task
}

/** Passes to warm up, then passes until enough is measured; prints the measurement. */
export async function measure(run: RunPass, note: string | null = null): Promise<void> {
  const task = readTask()
  let firstPass: number | null = null
  for (let warm = 0; warm < task.warmSeconds; ) {
    const pass = new Pass(task.messages, new TimerLateness())
    await run(task, pass)
    warm += pass.seconds
    firstPass ??= task.messages / pass.seconds
  }
  const lateness = new TimerLateness()
  const sum = { passes: 0, messages: 0, seconds: 0, cpuUser: 0, cpuSystem: 0 }
  while (sum.seconds < task.minSeconds) {
    const pass = new Pass(task.messages, lateness)
    await run(task, pass)
    sum.passes += 1
    sum.messages += task.messages
    sum.seconds += pass.seconds
    sum.cpuUser += pass.cpuUser
    sum.cpuSystem += pass.cpuSystem
  }
  print({ note, firstPass, ...sum, timerLateMs: lateness.result(), rssPeakMib: rssPeakMib(), rss: null })
}

export function print(measurement: Measurement): void {
  process.stdout.write(`${JSON.stringify(measurement)}\n`)
}

export function rssPeakMib(): number {
  return process.resourceUsage().maxRSS / 1_024
}

/** A group that has never committed, so that every pass begins at the beginning. */
export function freshGroup(): string {
  return `bench-${process.pid}-${performance.now()}`
}
