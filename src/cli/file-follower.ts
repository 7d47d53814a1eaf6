import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { CommandError, exitCodes } from './failure.ts'
import { FollowedFile } from './followed-file.ts'
import { type Line, LineCutter } from './line-cutter.ts'

export interface FollowOptions {
  /** Where in the file to begin. One that is made later is read from its start. Default `'end'`. */
  readonly from?: 'start' | 'end'
  /** Ends the lines; one that is not complete is left out. */
  readonly signal?: AbortSignal
  /** The bytes of a longer line are not kept. Default 1 MiB. */
  readonly mostLineBytes?: number
  /** How often to look where nobody tells of changes. Default 250. */
  readonly pollMs?: number
  /** A file that lost its name is left when nothing was written to it for so long: its writers need time to notice. Default 1,000. */
  readonly quietMs?: number
  /** Is told what happens to the file, for people. */
  readonly tell?: (what: string) => void
  readonly clock?: Clock
}

/** Files that have or had the name and are not read to their end: more are not opened. */
const MOST_FILES = 16

/**
 * The lines that are written to a file, as `tail -F` has them. What counts is the name: a file that is renamed, replaced or missing for a
 * while is read to its end, and then the one that has its name. One that is cut off is read from its start again. Lines are cut at
 * newlines; what has none is a line once its file is left or cut off.
 */
export class FileFollower {
  readonly #path: string
  readonly #from: 'start' | 'end'
  readonly #signal: AbortSignal
  readonly #mostLineBytes: number
  readonly #pollMs: number
  readonly #quietMs: number
  readonly #tell: (what: string) => void
  readonly #clock: Clock
  /** The one that is read, and those that took its name since. */
  readonly #files: FollowedFile[] = []
  /** Since when the one that is read has a successor and gets nothing more. */
  #quietSince: number | null = null
  #looking: Promise<void> | null = null
  #trouble = ''
  #changed = false
  #wake = () => {}

  constructor(path: string, options: FollowOptions = {}) {
    this.#path = path
    this.#from = options.from ?? 'end'
    this.#signal = options.signal ?? new AbortController().signal
    this.#mostLineBytes = options.mostLineBytes ?? 1 << 20
    this.#pollMs = options.pollMs ?? 250
    this.#quietMs = options.quietMs ?? 1_000
    this.#tell = options.tell ?? (() => {})
    this.#clock = options.clock ?? systemClock
  }

  /**
   * To be asked for once. Ends when the signal aborts; whoever leaves earlier leaves nothing behind either.
   *
   * @throws {CommandError} `NO_FILE` when what has the name at the beginning cannot be read
   */
  async *lines(): AsyncGenerator<Line, void, undefined> {
    const aborted = () => this.#wake()
    this.#signal.addEventListener('abort', aborted)
    let watcher: FSWatcher | null = null
    let polling: Timer | null = null
    try {
      let cutter = await this.#begin()
      watcher = this.#watch()
      polling = this.#clock.every(this.#pollMs, () => this.#notice())
      while (!this.#signal.aborted) {
        const now = this.#clock.now()
        const piece = await this.#files[0]?.read()
        if (piece !== undefined && piece !== null && piece.length > 0) {
          this.#quietSince = null
          for (const line of cutter.cut(piece)) {
            if (this.#signal.aborted) return
            yield line
          }
        } else if (piece === null || (await this.#isOver(now))) {
          yield* cutter.rest()
          cutter = this.#cutter()
          await this.#goOn(piece === null)
        } else {
          await this.#rest()
        }
      }
    } finally {
      this.#signal.removeEventListener('abort', aborted)
      watcher?.close()
      polling?.cancel()
      await this.#looking
      await Promise.all(this.#files.splice(0).map(file => file.close()))
    }
  }

  async #begin(): Promise<LineCutter> {
    const file = await FollowedFile.open(this.#path).catch(thrown => this.#refuse(toError(thrown)))
    if (!(file instanceof FollowedFile)) {
      this.#sayOnce('is not there: waiting for it')
      return this.#cutter()
    }
    this.#files.push(file)
    if (this.#from === 'end') await file.skipLines(this.#mostLineBytes)
    this.#say(`is followed from byte ${file.position} on`)
    return this.#cutter(file.position)
  }

  #cutter(offset = 0): LineCutter {
    return new LineCutter(this.#mostLineBytes, offset)
  }

  /** Whether the file that was read to its end, at that time or later, is to be left for another one. */
  async #isOver(now: number): Promise<boolean> {
    await this.#look()
    if (this.#files.length < 2) return false
    this.#quietSince ??= now
    return now - this.#quietSince >= this.#quietMs
  }

  /** Whoever takes the lines may take them slowly: files are taken hold of meanwhile, before they lose the name again. */
  #notice(): void {
    this.#changed = true
    this.#wake()
    void this.#look()
  }

  #look(): Promise<void> {
    this.#looking ??= this.#takeHold().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  /** Of the file that has the name now, if that is another one. */
  async #takeHold(): Promise<void> {
    if (this.#files.length === MOST_FILES) return
    try {
      const found = await FollowedFile.open(this.#path, this.#files.at(-1))
      if (found === 'missing') {
        this.#sayOnce('is not there: waiting for it')
      } else if (found === 'same') {
        this.#trouble = ''
      } else {
        this.#files.push(found)
        this.#say(this.#files.length === 1 ? 'is there' : 'is another file now: going on with it')
      }
    } catch (thrown) {
      // Whoever made it may not be through with it.
      this.#sayOnce(`cannot be read: ${toError(thrown).message}`)
    }
  }

  async #goOn(cutOff: boolean): Promise<void> {
    this.#quietSince = null
    if (cutOff) {
      this.#say('was truncated: going on from its start')
      this.#files[0]?.restart()
    } else {
      await this.#files.shift()?.close()
    }
  }

  /** Until something may have changed. */
  async #rest(): Promise<void> {
    if (!this.#changed && !this.#signal.aborted) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    this.#changed = false
  }

  /** Makes rests shorter where the system tells of changes; of the folder, as the name may be another file's. */
  #watch(): FSWatcher | null {
    const name = basename(this.#path)
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, (_, changed) => {
        if (changed === null || changed === name) this.#notice()
      })
      return watcher.on('error', () => watcher.close())
    } catch {
      return null
    }
  }

  #refuse(cause: Error): never {
    throw new CommandError(exitCodes.usage, 'NO_FILE', `${this.#path} cannot be followed: ${cause.message}`, cause)
  }

  #say(what: string): void {
    this.#trouble = ''
    this.#tell(`${this.#path} ${what}`)
  }

  /** However often it is seen. */
  #sayOnce(what: string): void {
    if (what === this.#trouble) return
    this.#say(what)
    this.#trouble = what
  }
}
