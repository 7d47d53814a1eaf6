import { styleText } from 'node:util'

const HOME = '\x1b[H'
const CLEAR_BELOW = '\x1b[J'

/** Redraws its lines in place on a terminal; elsewhere each update is one plain line. */
export class Screen {
  readonly inPlace = process.stdout.isTTY && process.env.TERM !== 'dumb'
  #drawn = 0
  #columns = 0

  /** The first of `lines` is a heading; `line` says the same in short. */
  update(lines: readonly string[], line: string): void {
    if (!this.inPlace) {
      console.log(line)
      return
    }
    const { columns = 80, rows = 24 } = process.stdout
    // A line as long as the terminal is wide would take two, and lines that were scrolled away are out of reach.
    const [heading = '', ...rest] = lines.slice(0, Math.max(1, rows - 1)).map(text => shortened(text, columns - 1))
    const text = [styleText('bold', heading), ...rest].join('\n')
    process.stdout.write(`${this.#back(columns)}${CLEAR_BELOW}${text}\n`)
    this.#drawn = rest.length + 1
    this.#columns = columns
  }

  /** To where the lines begin; a terminal that was made narrower has wrapped them, so there nobody knows. */
  #back(columns: number): string {
    if (this.#drawn === 0) return ''
    return columns < this.#columns ? HOME : `\r\x1b[${this.#drawn}A`
  }
}

function shortened(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
}
