import { table } from './markdown.ts'

const BEGIN = '<!-- measured: written by npm run bench -->\n'
const END = '<!-- /measured -->'

/** What the page about comparison shows of the report. */
interface Excerpt {
  readonly title: string
  /** Headings of the report that lead to a table, and where it has several of one kind, its last heading. */
  readonly from: readonly string[]
  /** Columns by their place, under the names that they have here. */
  readonly columns: Readonly<Record<string, number>>
}

const speed = { 'messages/s': 1, 'first pass': 3, 'CPU µs per message': 5, 'memory, peak': 7 }
const taken = { 'p50, ms': 1, 'p95, ms': 2, 'p99, ms': 3, 'CPU µs per message': 6, 'memory, peak': 8 }
const pauses = { 'pause of a partition, ms, longest': 2, 'of those that stay, longest': 6, 'handled twice': 7, lost: 8 }

const excerpts: readonly Excerpt[] = [
  { title: 'Batches, every value touched', from: ['## Batches', '### All values'], columns: speed },
  {
    title: 'A synchronous handler',
    from: ['## One message at a time, sync', '### `keyed`, concurrency 16'],
    columns: speed,
  },
  {
    title: 'An asynchronous handler, in key order',
    from: ['## One message at a time, async', '### `keyed`, concurrency 1,000'],
    columns: speed,
  },
  {
    title: 'A handler that waits 5 ms, a thousand at once',
    from: ['## Handlers that wait', '### `keyed`'],
    columns: speed,
  },
  { title: 'Producing lists of 1,000 messages', from: ['## Producing, many', '### Lists'], columns: speed },
  { title: 'Producing one at a time, 1,000 under way', from: ['## Producing, one', '### 1,000'], columns: speed },
  { title: 'From send() to the handler', from: ['## From send', '### 10,000'], columns: taken },
  {
    title: 'A third member joins a group of two',
    from: ['## Groups that change', '### A third member joins'],
    columns: pauses,
  },
  {
    title: 'One of two members is killed',
    from: ['## Groups that change', '### One of two is killed'],
    columns: pauses,
  },
]

/** The page, with its figures taken from the report anew. */
export function withFigures(page: string, report: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin)
    throw new Error(`The page about comparison has no "${BEGIN.trim()}" with its end behind it.`)
  return `${page.slice(0, begin + BEGIN.length)}\n${excerpts.map(excerpt => shown(excerpt, report)).join('\n')}\n${page.slice(end)}`
}

function shown({ title, from, columns }: Excerpt, report: string): string {
  const [first = '', last = ''] = from
  const section = between(report, first, /^## /m)
  const when = /^\*(\S+?)\. .*?commit (\w+)/m.exec(section)
  const rows = between(section, last, /^##/m)
    .split('\n')
    .filter(line => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('|  |'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
  if (rows.length === 0) throw new Error(`The report has no table under ${from.join(', ')}.`)
  const cells = rows.map(row => [row[0] ?? '', ...Object.values(columns).map(column => row[column] ?? '')])
  return `### ${title}\n\n${table(['', ...Object.keys(columns)], cells)}\n*${when?.[1]}, commit ${when?.[2]}.*\n`
}

/** What stands behind the first line that begins so, until the next heading. */
function between(text: string, heading: string, next: RegExp): string {
  const at = text.indexOf(`\n${heading}`)
  if (at < 0) return ''
  const rest = text.slice(text.indexOf('\n', at + 1) + 1)
  const end = rest.search(next)
  return end < 0 ? rest : rest.slice(0, end)
}
