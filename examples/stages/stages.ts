import type { ProducerMessage } from '../../src/index.ts'
import { documents } from './documents.ts'
import { enrichment } from './enrichment.ts'
import { payments } from './payments.ts'
import type { Stage } from './stage.ts'

const ORDERS = 60
const products = ['nail', 'saw', 'glue', 'paint']

const orders: readonly ProducerMessage[] = Array.from({ length: ORDERS }, (_, id) => ({
  topic: 'orders',
  key: `c${id % 7}`,
  value: JSON.stringify({
    id,
    customer: `c${id % 7}`,
    amount: 100 + id,
    products: products.slice(0, 1 + (id % products.length)),
  }),
}))

const audit: readonly ProducerMessage[] = Array.from({ length: 2_000 }, (_, n) => ({
  topic: 'audit',
  key: `user-${n % 5}`,
  value: `entry ${n}`,
}))

/** A program that handles orders in this group, until all are done. */
function ofOrders(group: string): Stage {
  return { topics: { orders: 3 }, messages: orders, play: scene => scene.done(group, ORDERS) }
}

/** By the name of the example. */
export const stages: ReadonlyMap<string, Stage> = new Map<string, Stage>([
  ['payments', payments],
  ['enrichment', enrichment],
  [
    'batch-insert',
    {
      topics: { audit: 3 },
      messages: audit,
      play: scene => scene.done('audit', audit.length),
      epilogue: async scene => {
        const [row] = scene.rows('audit.db', 'SELECT count(*) AS n FROM audit')
        console.log(`${row?.n} in the database`)
      },
    },
  ],
  ['cpu-bound', documents],
  [
    'exactly-once',
    {
      ...ofOrders('splitter'),
      topics: { orders: 3, lines: 3 },
      epilogue: scene => scene.show('lines'),
    },
  ],
  [
    'sqlite-offsets',
    {
      ...ofOrders('totals'),
      play: scene => scene.until(() => scene.rows('totals.db', 'SELECT sum(orders) AS n FROM totals')[0]?.n === ORDERS),
      epilogue: async scene => console.table(scene.rows('totals.db', 'SELECT * FROM totals ORDER BY customer')),
    },
  ],
  ['graceful-shutdown', { ...ofOrders('shop'), env: { PORT: '0' } }],
  ['opentelemetry', ofOrders('shop')],
  ['read-once', { topics: { orders: 3 }, messages: orders }],
  [
    'produce',
    {
      topics: { orders: 3 },
      messages: [],
      args: ['orders.ndjson'],
      files: { 'orders.ndjson': orders.map(({ value }) => `${value}\n`).join('') },
      epilogue: scene => scene.show('orders'),
    },
  ],
])
