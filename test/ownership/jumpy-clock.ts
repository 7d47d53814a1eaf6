import { type Clock, systemClock } from '../../src/index.ts'

/** A clock that jumps when a test says so; timers go on as they were. */
export class JumpyClock implements Clock {
  #now = 0
  #wall = 0
  after = systemClock.after
  every = systemClock.every
  soon = systemClock.soon

  now(): number {
    return systemClock.now() + this.#now
  }

  wallTime(): number {
    return systemClock.wallTime() + this.#wall
  }

  /** Time goes by while nothing runs. */
  skip(ms: number): void {
    this.#now += ms
    this.#wall += ms
  }

  setWall(ms: number): void {
    this.#wall += ms
  }
}
