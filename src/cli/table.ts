import { printable } from './printable.ts'

type Cell = string | number

/** Rows as aligned columns: those that have numbers are on the right, so that headings stand above them. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const columns = (rows[0] ?? []).map((_, at) => rows.map(row => row[at] ?? ''))
  const widths = columns.map(cells => Math.max(...cells.map(cell => String(cell).length)))
  const numeric = columns.map(cells => cells.some(cell => typeof cell === 'number'))
  const pad = (cell: Cell, at: number) =>
    numeric[at] ? String(cell).padStart(widths[at] ?? 0) : String(cell).padEnd(widths[at] ?? 0)
  return rows.map(row => `${printable(row.map(pad).join('  ').trimEnd())}\n`).join('')
}
