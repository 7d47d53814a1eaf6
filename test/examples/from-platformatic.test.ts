import { test } from 'node:test'
import * as platformatic from '@platformatic/kafka'
import { compareAll, type Library, type Opened, shareGroup } from './migration.ts'

const page = 'migrating/from-platformatic.md'

const library: Library = {
  name: '@platformatic/kafka',
  installed: true,
  give: (_, opened) => ({ packages: { '@platformatic/kafka': { ...platformatic, ...recorded(opened) } } }),
}

/** Its consumer, quick to notice things, and its producer, which tell that they were made. */
function recorded(opened: Opened): object {
  class Consumer<K, V, HK, HV> extends platformatic.Consumer<K, V, HK, HV> {
    constructor(options: platformatic.ConsumerOptions<K, V, HK, HV>) {
      super({ ...options, maxWaitTime: 50 })
      opened(() => this.close(true))
    }
  }
  class Producer<K, V, HK, HV> extends platformatic.Producer<K, V, HK, HV> {
    constructor(options: platformatic.ProducerOptions<K, V, HK, HV>) {
      super(options)
      opened(() => this.close())
    }
  }
  return { Consumer, Producer }
}

test('on the page about @platformatic/kafka, both sides of each example do the same', {
  concurrency: true,
}, async t => {
  await compareAll(
    page,
    library,
    {
      'Only new messages': { written: 9, calls: 9, committed: 69 },
      'From offsets of your own': { calls: 45, committed: 0 },
      Failures: { refused: 'order 7' },
      Sending: { calls: 1, committed: 0, sent: 20 },
      'Sending many': { calls: 1, committed: 0, sent: 100 },
      Transactions: { calls: 1, committed: 0, sent: 2 },
      'TLS and SASL': { secured: true },
      Admin: { calls: 1, committed: 10 },
    },
    (name, run) => t.test(name, run),
  )
})

test('members of @platformatic/kafka and Millrace share a group, as the page has it, and Millrace goes on alone', () =>
  shareGroup(page, library, 'Many at once'))
