import { clearScreenDown, cursorTo, moveCursor } from 'node:readline'
import { styleText } from 'node:util'

/** Redraws its lines in place on a terminal; elsewhere each update is one plain line. */
export class Screen {
  readonly inPlace = process.stdout.isTTY && process.env.TERM !== 'dumb'
  #drawn = 0

  /** The first of `lines` is a heading; `line` says the same in short. */
  update(lines: readonly string[], line: string): void {
    if (!this.inPlace) {
      console.log(line)
      return
    }
    this.#back()
    const width = (process.stdout.columns || 80) - 1
    const [heading = '', ...rest] = lines.map(text => text.slice(0, width))
    process.stdout.write(`${[styleText('bold', heading), ...rest].join('\n')}\n`)
    this.#drawn = lines.length
  }

  #back(): void {
    if (this.#drawn === 0) return
    cursorTo(process.stdout, 0)
    moveCursor(process.stdout, 0, -this.#drawn)
    clearScreenDown(process.stdout)
  }
}
