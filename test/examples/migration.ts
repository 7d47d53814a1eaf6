import assert from 'node:assert/strict'
import timers from 'node:timers/promises'
import util from 'node:util'
import { Broker } from '../../src/broker/index.ts'
import * as millrace from '../../src/index.ts'
import { until } from '../until.ts'
import { type Program, ProgramFolder, programsOf } from './page-programs.ts'

/** Somebody else's library, as the programs of its page have it. */
export interface Library {
  /** What its programs have in their first line. */
  readonly name: string
  /** Whether it is there. If not, only our programs are run. */
  readonly installed: boolean
  /** Its package, by name, and what programs use of it without declaring it. What they open is told to `opened`. */
  give(
    brokers: readonly string[],
    opened: Opened,
  ): { names?: Record<string, unknown>; packages: Record<string, object> }
}

/** Is told how to close what a program opened. */
export type Opened = (close: () => Promise<unknown>) => void

/** What both programs of a section are to do. By default they handle the 60 messages of `orders` and commit all of them. */
export interface Expected {
  /** Calls of the reader's own code: `save`, `report`, `insertMany` (one for each row). */
  readonly calls?: number
  /** Sum of the offsets that the group `shop` has committed at the end; null when the two differ, as the page says. */
  readonly committed?: number | null
  /** A value that `save` refuses, always. */
  readonly refused?: string
  /** The broker wants TLS and SASL: programs get its authority as `ca`, and the password of the user `shop`. */
  readonly secured?: boolean
  /** Messages that count in `invoices` at the end; the two write the same, to the same partitions. Default 0. */
  readonly sent?: number
  /** So many messages are written when the program has begun to fetch, and not before. */
  readonly written?: number
}

const PARTITIONS = 3
const MESSAGES = 60

/** Runs both programs of each section of a page, each with a broker of its own, and compares what they did. */
export async function compareAll(
  page: string,
  library: Library,
  expected: Readonly<Record<string, Expected>>,
  test: (name: string, run: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const programs = await programsOf(page)
  const sections = new Set(programs.filter(({ whose }) => whose === library.name).map(({ section }) => section))
  assert.ok(sections.size > 5, `only ${sections.size} sections were found`)
  for (const name of Object.keys(expected)) assert.ok(sections.has(name), `no section "${name}"`)
  const runs = [...sections].map(section =>
    test(section, async () => {
      const [theirs, ours, ...others] = programs.filter(each => each.section === section)
      assert.ok(theirs?.whose === library.name && ours?.whose === 'Millrace' && others.length === 0)
      const sides = library.installed ? [ours, theirs] : [ours]
      const [ourOutcome, theirOutcome] = await Promise.all(
        sides.map(program => perform(program, library, expected[section] ?? {})),
      )
      if (library.installed) assert.deepEqual(ourOutcome, theirOutcome)
    }),
  )
  await Promise.all(runs)
}

/** A program that runs. */
interface Started {
  /** What it called of its reader's own code, as JSON. */
  readonly calls: readonly string[]
  /** Whether it made so many calls; throws what the program failed with. */
  has(calls: number): boolean
  /** Closes what it opened, and resolves when it has come to its end; rejects with what it failed with. */
  close(): Promise<void>
}

/**
 * A member of theirs, from the section `old`, and one of ours, from `Both in one group`, share the group `shop`; then theirs leaves, and
 * ours goes on alone.
 */
export async function shareGroup(page: string, library: Library, old: string): Promise<void> {
  const programs = await programsOf(page)
  const theirProgram = programs.find(({ section, whose }) => section === old && whose === library.name)
  const ourProgram = programs.find(({ section }) => section === 'Both in one group')
  assert.ok(theirProgram && ourProgram)
  await using stage = await Stage.open(library)
  const theirs = stage.start(theirProgram)
  await until(`${library.name} handles all`, () => theirs.has(60))
  const ours = stage.start(ourProgram)
  await stage.fetching('millrace')
  await stage.write(30)
  const handled = () => new Set([...theirs.calls, ...ours.calls]).size
  await until('both handle', () => handled() === 90 && theirs.has(61) && ours.has(1))
  await theirs.close()
  await stage.write(30)
  await until('Millrace handles the rest', () => handled() === 120)
  await ours.close()
  assert.equal(await stage.committed(), 120)
}

interface Outcome {
  readonly calls: readonly string[]
  readonly committed: number | null
  readonly sent: readonly string[]
}

/** Runs one program until it has done what is expected, closes what it opened, and looks at what came of it. */
async function perform(program: Program, library: Library, expected: Expected): Promise<Outcome> {
  const { calls = MESSAGES, committed = MESSAGES, written = 0, sent = 0 } = expected
  await using stage = await Stage.open(library, expected)
  const started = stage.start(program)
  if (written > 0) {
    await stage.fetching()
    await stage.write(written)
  }
  // A program that is closed while it commits may not come to its end.
  const isDone = async () => started.has(calls) && (committed === null || (await stage.committed()) === committed)
  await until(`${program.whose} does what "${program.section}" says`, isDone)
  await started.close()
  assert.equal(started.calls.length, calls)
  if (committed !== null) assert.equal(await stage.committed(), committed)
  const invoices = sent === 0 ? [] : await stage.sent()
  assert.equal(invoices.length, sent)
  return {
    calls: started.calls.toSorted(),
    committed: committed === null ? null : await stage.committed(),
    sent: invoices,
  }
}

/** A broker with topics `orders` and `invoices`, and the programs that use them. */
class Stage implements AsyncDisposable {
  readonly broker: Broker
  readonly #library: Library
  readonly #expected: Expected
  readonly #folder: ProgramFolder
  readonly #client: millrace.NativeClient
  readonly #closes: (() => Promise<unknown>)[] = []
  #written = 0

  private constructor(broker: Broker, library: Library, expected: Expected, folder: ProgramFolder) {
    this.broker = broker
    this.#library = library
    this.#expected = expected
    this.#folder = folder
    this.#client = new millrace.NativeClient({
      ...(expected.secured ? credentials(broker) : {}),
      ...connection(broker),
    })
  }

  static async open(library: Library, expected: Expected = {}): Promise<Stage> {
    const [broker, folder] = await Promise.all([
      Broker.start({ topics: { orders: PARTITIONS, invoices: PARTITIONS }, ...(expected.secured ? secured : {}) }),
      ProgramFolder.make(),
    ])
    const stage = new Stage(broker, library, expected, folder)
    await stage.write(MESSAGES)
    return stage
  }

  /** So many messages under seven keys, to the partitions in turn. */
  async write(count: number): Promise<void> {
    const all = Array.from({ length: count }, (_, index) => this.#written + index)
    this.#written += count
    const parts = Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic: 'orders',
      partition,
      records: millrace.writeBatch(
        all.filter(n => n % PARTITIONS === partition).map(n => ({ key: `key ${n % 7}`, value: `order ${n}` })),
      ),
    }))
    for (const { error } of await this.#client.produce(parts)) assert.equal(error, null)
  }

  /** Resolves when somebody fetches, or this client: it knows where to begin, then. */
  async fetching(clientId?: string): Promise<void> {
    const who = clientId === undefined ? {} : { clientId }
    await this.broker.fault({ ...who, api: 'Fetch', topic: 'orders', count: 1, action: { observe: true } }).hit()
  }

  async committed(): Promise<number> {
    return (await this.broker.committed('shop')).reduce((sum, { offset }) => sum + offset, 0)
  }

  /** What is in `invoices` and not of a transaction that is aborted, partition by partition. */
  async sent(): Promise<string[]> {
    const found: string[][] = Array.from({ length: PARTITIONS }, () => [])
    const reader = new millrace.Consumer(connection(this.broker)).topic('invoices', message => {
      const { partition, key, value, headers } = message
      const named = headers.raw.map(([name, bytes]) => `${name}=${bytes}`)
      found[partition]?.push(`${partition}: ${key} = ${value} ${named.join()}`)
    })
    const running = reader.run()
    await until('all is read', () => {
      const { partitions } = reader.state()
      return partitions.length === PARTITIONS && partitions.every(({ lag }) => lag === 0)
    })
    await reader.close()
    await running
    return found.flat()
  }

  start(program: Program): Started {
    const { refused } = this.#expected
    const calls: string[] = []
    let asked = 0
    const closes: (() => Promise<unknown>)[] = []
    const opened: Opened = close => closes.push(close)
    const isTheirs = program.whose === this.#library.name
    const given = isTheirs ? this.#library.give(this.broker.brokers, opened) : { packages: {} }
    const names = {
      brokers: [...this.broker.brokers],
      ca: this.broker.ca,
      password: secured.sasl.users.shop,
      console: silent,
      save: async (value: unknown, ...more: unknown[]) => {
        if (value === refused) throw new Error('refused')
        calls.push(JSON.stringify(['save', value, ...more]))
      },
      insertMany: async (rows: readonly unknown[]) => {
        for (const row of rows) calls.push(JSON.stringify(['insert', row]))
      },
      report: async (...what: unknown[]) => {
        calls.push(JSON.stringify(['report', ...what]))
      },
      busy: () => asked++ === 0,
      ...given.names,
    }
    const packages = {
      millrace: recorded(opened),
      'node:timers/promises': timers,
      'node:util': util,
      ...given.packages,
    }
    const ended = this.#folder.run(program, { names, packages })
    let failure: { readonly error: unknown } | undefined
    ended.catch(error => {
      failure = { error }
    })
    const has = (count: number) => {
      if (failure !== undefined) throw failure.error
      return calls.length >= count
    }
    const closeAll = () => Promise.all(closes.splice(0).map(close => close()))
    this.#closes.push(closeAll)
    const close = async () => {
      await closeAll()
      await ended
    }
    return { calls, has, close }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closes.map(close => close()))
    await this.#client.close()
    await this.#folder[Symbol.asyncDispose]()
    await this.broker.close()
  }
}

const secured = { tls: true, sasl: { mechanisms: ['SCRAM-SHA-512'], users: { shop: 'tea' } } } as const

function connection({ brokers }: Broker) {
  return { brokers, logger: silent }
}

function credentials({ ca }: Broker) {
  const sasl = { mechanism: 'SCRAM-SHA-512', username: 'shop', password: secured.sasl.users.shop } as const
  return { tls: ca === null ? true : { ca }, sasl }
}

const silent = { debug() {}, info() {}, warn() {}, error() {}, log() {} }

/** Millrace, whose consumers and producers tell that they were made. */
function recorded(opened: Opened): object {
  class Consumer extends millrace.Consumer {
    constructor(options: millrace.ConsumerOptions) {
      super({ logger: silent, ...options })
      opened(() => this.close())
    }
  }
  class Producer<K, V> extends millrace.Producer<K, V> {
    constructor(options: millrace.ProducerOptions<K, V>) {
      super({ logger: silent, ...options })
      opened(() => this.close())
    }
  }
  return { ...millrace, Consumer, Producer }
}
