import { type ApiName, api } from '../../../src/protocol/apis.ts'
import { apiTable } from '../../../src/protocol/schema.ts'
import { requestFrame } from '../../broker/raw-connection.ts'
import type { Probe, Script } from '../probe.ts'
import { served } from './cluster.ts'

/** The header of a request alone: key, version, correlation id, client id. */
function header(key: number, version: number, clientId: string | null = 'probe'): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(key)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(7, 4)
  bytes.writeInt16BE(clientId?.length ?? -1, 8)
  return Buffer.concat([bytes, Buffer.from(clientId ?? '')])
}

/** What comes back for a frame: the whole answer where it is an error by itself, else only that there is one. */
async function send(probe: Probe, step: string, frame: Buffer, whole = false): Promise<void> {
  const connection = await probe.connect()
  const answer = await probe.answerTo(step, connection.exchange(frame))
  probe.note(step, answer === null ? 'closed' : whole ? answer.subarray(0, 10).toString('hex') : 'answered')
}

export const garbageScripts: readonly Script[] = [
  {
    name: 'unknown requests',
    run: async probe => {
      await send(probe, 'a key that is unknown', header(999, 0))
      await send(probe, 'a key below 0', header(-1, 0))
      await send(
        probe,
        'a version of ApiVersions that is not yet',
        Buffer.concat([header(18, 99), Buffer.alloc(20)]),
        true,
      )
      await send(probe, 'the next version of ApiVersions', Buffer.concat([header(18, 5), Buffer.alloc(20)]), true)
      await send(probe, 'a version of ApiVersions below 0', header(18, -1), true)
      await send(probe, 'no client id', header(18, 0, null))
      await send(probe, 'half a header', header(18, 0).subarray(0, 6))
      await send(probe, 'a key alone', header(18, 0).subarray(0, 2))
      for (const key of Object.values(apiTable)
        .map(([key]) => key)
        .filter(isOfBrokers)) {
        await send(probe, `a request of brokers, ${key}`, Buffer.concat([header(key, 0), Buffer.alloc(50)]))
      }
    },
  },
  {
    name: 'frames',
    run: async probe => {
      const bytes = async (step: string, ...parts: (number | Buffer)[]) => {
        const connection = await probe.connect()
        const whole = parts.map(part => (typeof part === 'number' ? int32(part) : part))
        const answer = await probe.answerTo(step, connection.exchangeBytes(Buffer.concat(whole)))
        probe.note(step, answer === null ? 'closed' : 'answered')
      }
      await bytes('a length below 0', -1)
      await bytes('a length beyond the limit', 0x7fff_ffff)
      await bytes('a length a little beyond the limit', 104_857_601)
      await bytes('something of HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'))
      const frame = requestFrame('ApiVersions', 0, {})
      await bytes('one that is right', frame.length, frame)
      await bytes('one behind an empty one', 0, frame.length, frame)
    },
  },
  ...served.filter(name => name !== 'ApiVersions').map(name => wrongSizes(name)),
]

/** Requests that only brokers and controllers send, which are not for the port of clients. */
function isOfBrokers(key: number): boolean {
  return [52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82].includes(key)
}

function wrongSizes(name: ApiName): Script {
  const { key, minVersion, maxVersion } = api(name)
  return {
    name: `wrong sizes of ${name}`,
    run: async probe => {
      await send(probe, 'a version too high', Buffer.concat([header(key, maxVersion + 1), Buffer.alloc(50)]))
      await send(probe, 'a version too low', Buffer.concat([header(key, minVersion - 1), Buffer.alloc(50)]))
      for (const version of new Set([minVersion, maxVersion])) {
        const frame = requestFrame(name, version, smallest[name] ?? {})
        await send(probe, `v${version} without its last byte`, frame.subarray(0, -1))
        await send(probe, `v${version} without its body`, frame.subarray(0, version === 0 ? 16 : 15))
        if (name !== 'Produce')
          await send(probe, `v${version} with three bytes too many`, Buffer.concat([frame, Buffer.alloc(3)]))
      }
    },
  }
}

/** Where nothing at all is no request that Kafka answers. */
const smallest: { readonly [N in ApiName]?: object } = {
  Produce: { acks: -1 },
  FindCoordinator: { key: 'x', coordinatorKeys: ['x'] },
  AddPartitionsToTxn: { transactions: [{ transactionalId: 'x' }] },
  ListOffsets: { replicaId: -1 },
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
