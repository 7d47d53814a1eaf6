import { ConnectionError } from '../../../src/base/errors.ts'
import { type Ask, Call } from '../../../src/client/call.ts'
import type { NativeClient, SendOptions, Target } from '../../../src/client/native-client.ts'
import { type VersionRange, Versions } from '../../../src/client/versions.ts'
import { type ApiName, api } from '../../../src/protocol/apis.ts'
import { decodeResponse } from '../../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Dice } from '../dice.ts'
import type { SimulatedClock } from '../simulated-clock.ts'
import type { Host, HostClock } from './host.ts'
import type { SimulatedCoordinator } from './simulated-coordinator.ts'

export type GroupClient = Pick<NativeClient, 'send' | 'forgetCoordinator'>

/** Requests of a member, by name. */
export type GroupApi =
  | 'JoinGroup'
  | 'SyncGroup'
  | 'Heartbeat'
  | 'LeaveGroup'
  | 'OffsetCommit'
  | 'OffsetFetch'
  | 'DescribeGroups'

const apis: readonly GroupApi[] = [
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'LeaveGroup',
  'OffsetCommit',
  'OffsetFetch',
  'DescribeGroups',
]

export interface GroupWireParts {
  readonly clientId: string
  readonly host: Host
  /** Of the same host, for the deadlines of calls. */
  readonly clock: HostClock
  readonly world: SimulatedClock
  readonly dice: Dice
  readonly coordinator: SimulatedCoordinator
  /** Newest versions that the brokers speak, where they do not speak all that are known here. */
  readonly newest: Readonly<Partial<Record<GroupApi, number>>>
  /** The probability that something becomes of a request that should not. */
  readonly trouble: () => number
  /** The coordinator has applied a request and answers this. */
  readonly answered: <N extends ApiName>(name: N, body: Requests[N], answer: Responses[N]) => void
  /** The process is about to be given the answer. */
  readonly received: <N extends ApiName>(name: N, body: Requests[N], answer: Responses[N]) => void
}

type Fate = 'fine' | 'slow' | 'broken-before' | 'broken-after' | 'silent-before' | 'silent-after'

/** What becomes of all requests for a while. */
export type Cut = 'refused' | 'silent' | 'deaf'

/** One connection: a broker reads and answers its requests one after another. */
class Line {
  readonly calls = new Set<Ask>()
  /** What is sent or answered on it is lost. */
  silent = false
  broken = false
  /** When the last request arrived, and the last answer. */
  arrivedAt = 0
  answeredAt = 0
  served: Promise<void> = Promise.resolve()
}

/** The way of one process to the coordinator: late, torn, silent, or none at all, but in order on each connection. */
export class GroupWire implements GroupClient {
  readonly #parts: GroupWireParts
  readonly #versions: Versions
  readonly #lines = new Map<number, Line>()
  #node: number | null = null
  #cut: Cut | null = null

  constructor(parts: GroupWireParts) {
    this.#parts = parts
    const ranges = apis.map((name): VersionRange => {
      const { key, minVersion, maxVersion } = api(name)
      return { apiKey: key, minVersion, maxVersion: parts.newest[name] ?? maxVersion }
    })
    this.#versions = new Versions('the coordinator', ranges)
  }

  send<N extends ApiName>(
    target: Target,
    name: N,
    body: Requests[N] | ((version: number) => Requests[N]),
    options: SendOptions = {},
  ): Promise<Responses[N]> {
    if (typeof target === 'string' || !('group' in target)) throw new Error(`${name} is sent to ${target}`)
    const { timeoutMs = 30_000, minVersion, maxVersion, signal } = options
    const asked = typeof body === 'function' ? body : () => body
    const line = this.#line(target.connection ?? 0)
    const question = { name, body: asked, read: (answer: Responses[N]) => answer, timeoutMs, minVersion, maxVersion }
    const call = new Call(
      { ...question, signal, keepsFrame: true },
      this.#parts.clock,
      'the coordinator',
      () => 'it is silent',
      () => {},
    )
    if (call.settled) return call.promise
    try {
      const version = this.#versions.pick(name, minVersion, maxVersion)
      const frame = Buffer.concat(call.encode(version, 7, this.#parts.clientId)).subarray(4)
      this.#travel(line, call, version, frame, asked(version))
    } catch (thrown) {
      call.fail(thrown as Error)
    }
    return call.promise
  }

  forgetCoordinator(): void {
    this.#node = null
  }

  /** For a while nothing gets through: it is `refused` at once, nobody answers, or only answers are lost (`deaf`). */
  cut(how: Cut, ms: number): void {
    if (this.#cut !== null) return
    this.#cut = how
    for (const line of this.#lines.values()) if (how === 'silent') line.silent = true
    this.#parts.world.after(ms, () => {
      this.#cut = null
    })
  }

  /** The connection, a new one when an answer on the old one is overdue. */
  #line(connection: number): Line {
    const known = this.#lines.get(connection)
    const now = this.#parts.clock.now()
    if (known !== undefined && !known.broken) {
      const [oldest] = known.calls
      if (oldest === undefined || now < oldest.deadline - 1) return known
      this.#break(known, 'it is silent, though an answer is due')
    }
    const line = new Line()
    this.#lines.set(connection, line)
    return line
  }

  #travel<N extends ApiName>(
    line: Line,
    call: Call<N, Responses[N]>,
    version: number,
    frame: Buffer,
    body: Requests[N],
  ): void {
    const { world, host, dice } = this.#parts
    line.calls.add(call)
    const fate = this.#fate()
    const lookUpMs = this.#node === null ? dice.int(1, 30) : 0
    const delayMs = dice.int(0, 10) + (fate === 'slow' ? dice.int(100, 5_000) : 0)
    line.arrivedAt = Math.max(line.arrivedAt + 0.001, world.now() + host.ahead + lookUpMs + delayMs)
    const arrived = new Promise<void>(resolve => world.after(line.arrivedAt - world.now(), resolve))
    const before = line.served
    line.served = (async () => {
      await arrived
      await before
      if (line.broken) return
      if (fate === 'broken-before' || this.#cut === 'refused') this.#break(line, 'it was reset')
      if (fate === 'silent-before' || this.#cut === 'silent') line.silent = true
      if (line.broken || line.silent) return
      const { coordinator, answered, received } = this.#parts
      this.#node ??= coordinator.node
      const bytes = await coordinator.handle(frame, this.#node)
      if (bytes === null) return
      const answer = decodeResponse(call.name, version, bytes)
      answered(call.name, body, answer)
      if (fate === 'broken-after') this.#break(line, 'it was reset')
      if (fate === 'silent-after' || this.#cut !== null) line.silent = true
      this.#deliver(line, call, () => {
        if (!call.settled) received(call.name, body, answer)
        call.answer(version, bytes)
      })
    })()
  }

  #deliver(line: Line, call: Ask, give: () => void): void {
    const { world, host, dice } = this.#parts
    line.answeredAt = Math.max(line.answeredAt + 0.001, world.now() + dice.int(0, 10))
    world.after(line.answeredAt - world.now(), () => {
      if (line.broken || line.silent) return
      host.run(() => {
        line.calls.delete(call)
        give()
      })
    })
  }

  #fate(): Fate {
    const { dice, trouble } = this.#parts
    if (!dice.chance(trouble())) return 'fine'
    return dice.weighted<Fate>({
      fine: 0,
      slow: 4,
      'broken-before': 1,
      'broken-after': 1,
      'silent-before': 1,
      'silent-after': 1,
    })
  }

  /** All calls on it are rejected, as soon as the process hears of it. */
  #break(line: Line, why: string): void {
    line.broken = true
    this.#node = null
    const { host } = this.#parts
    const error = new ConnectionError(`The connection to the coordinator ended: ${why}`)
    host.run(() => {
      for (const call of line.calls) call.fail(error)
    })
  }
}
