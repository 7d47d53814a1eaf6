import type { MessagePort } from 'node:worker_threads'
import type { Abort, Introduction, Report } from './crossing.ts'

export interface LineEvents {
  reported(line: Line, report: Report): void
  /** Nothing more can be given to the thread. Told once. */
  lost(line: Line): void
}

/** One thread, as long as it lives, and what is said to it and by it beside its tasks. */
export class Line {
  readonly thread: number
  /** It has loaded its modules. */
  loaded = false
  /** Its pool hands it tasks. */
  served = false
  busy = false
  /** Resolves once nothing runs in the thread any more: what is in native code returns first. */
  readonly gone: Promise<void>
  #lost = false
  readonly #port: MessagePort
  readonly #events: LineEvents

  constructor({ thread, port }: Introduction, events: LineEvents) {
    this.thread = thread
    this.#port = port
    this.#events = events
    port.on('message', (report: Report) => events.reported(this, report))
    this.gone = new Promise(resolve => {
      port.on('close', () => {
        this.lose()
        resolve()
      })
    })
    port.unref()
  }

  get ready(): boolean {
    return this.loaded && this.served && !this.#lost
  }

  abort(abort: Abort): void {
    this.#port.postMessage(abort)
  }

  /** The thread ends, or has ended. */
  lose(): void {
    if (this.#lost) return
    this.#lost = true
    this.#events.lost(this)
  }

  /** Its end is not waited for any more. */
  close(): void {
    this.#port.close()
  }
}
