type Cell = string | number

/** Rows as aligned columns: numbers of the last row are on the right, so that headings stand above them. */
export function table(rows: readonly (readonly Cell[])[]): string {
  const last = rows.at(-1) ?? []
  const widths = last.map((_, column) => Math.max(...rows.map(row => String(row[column] ?? '').length)))
  const pad = (cell: Cell, column: number) =>
    typeof last[column] === 'number'
      ? String(cell).padStart(widths[column] ?? 0)
      : String(cell).padEnd(widths[column] ?? 0)
  return rows.map(row => `${row.map(pad).join('  ').trimEnd()}\n`).join('')
}
