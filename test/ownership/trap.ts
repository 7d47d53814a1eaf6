import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type LoggedRequest } from '../../src/broker/index.ts'
import { Admin, type Clock, systemClock } from '../../src/index.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import type { Requests } from '../../src/protocol/messages.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { type Member, type MemberOptions, Members } from '../spine/members.ts'
import { RawMember } from './raw-member.ts'

/** A broker that is to make trouble, with the topic `t` and the group `g`. */
export class Trap implements AsyncDisposable {
  readonly broker: Broker
  readonly admin: Admin
  readonly group: Members
  readonly #producer: TestProducer
  readonly #raw: RawMember[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.admin = new Admin({
      brokers: broker.brokers,
      clientId: 'admin',
      logger: new StderrLogger('silent', systemClock),
    })
    this.group = new Members({ brokers: broker.brokers }, 'g')
    this.#producer = new TestProducer(broker.brokers)
  }

  /** `clock`: time as the broker knows it. */
  static async set({ partitions = 4, nodes = 1, clock = systemClock as Clock } = {}): Promise<Trap> {
    const config = { 'group.min.session.timeout.ms': '100' }
    return new Trap(await Broker.start({ nodes, topics: { t: partitions }, config, clock, requestLog: 100_000 }))
  }

  join(name: string, options?: MemberOptions): Member {
    return this.group.join(name, 't', options)
  }

  raw(topic = 't'): RawMember {
    const raw = new RawMember(this.broker.brokers, 'g', [topic])
    this.#raw.push(raw)
    return raw
  }

  /** One message into each of these partitions. */
  async write(...partitions: number[]): Promise<void> {
    await this.#producer.write(
      't',
      partitions.map(partition => ({ key: 'k', partition })),
      {},
    )
  }

  /** Whether the group has committed that so many messages are done. */
  async committed(messages: number): Promise<boolean> {
    return (await this.broker.committed('g')).reduce((sum, { offset }) => sum + offset, 0) === messages
  }

  /** What this client asked, in the order in which it came. */
  asked(clientId: string, ...apis: ApiName[]): LoggedRequest[] {
    return this.broker.requests.filter(each => each.clientId === clientId && apis.includes(each.api as ApiName))
  }

  /** Collects what `look` makes of the requests of a client as they come. */
  spy<N extends ApiName, T>(clientId: string, api: N, look: (body: Requests[N]) => T): T[] {
    const seen: T[] = []
    this.broker.fault({
      api,
      clientId,
      when: ({ body }) => {
        seen.push(look(body as Requests[N]))
        return false
      },
      action: { observe: true },
    })
    return seen
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.group[Symbol.asyncDispose]()
    await Promise.all(this.#raw.map(raw => raw[Symbol.asyncDispose]()))
    await this.admin.close()
    await this.broker.close()
  }
}

/** Partitions of the topic `t`. */
export function t(...partitions: number[]): { topic: string; partition: number }[] {
  return partitions.map(partition => ({ topic: 't', partition }))
}

/** Something that a test lets go on. */
export class Gate {
  readonly #open = Promise.withResolvers<void>()
  readonly passed = this.#open.promise

  open(): void {
    this.#open.resolve()
  }
}
